/** Looks tables up in the schema cache, and refuses those that no row policy guards. */
import { quoteTable } from "./compile/quote.ts";
import { errors } from "./errors.ts";
import type { Incoming } from "./incoming.ts";
import { nearestName } from "./plan/nearest.ts";
import type { DataRoom } from "./room.ts";
import { type Schema, type Table, tableKey } from "./schema/schema.ts";

export function findTable(schema: Schema, name: string, table: string): Table {
  const found = schema.tables.get(tableKey(name, table));
  if (found) return found;
  const known = [...schema.tables.values()].filter((t) => t.schema === name).map((t) => t.name);
  const nearest = nearestName(table, known, 0.75);
  const hint = nearest === null ? null : `Perhaps you meant the table '${name}.${nearest}'`;
  throw errors.PGRST205(name, table, hint);
}

/** `require_rls`: roles that bypass row level security see everything anyway. */
export function checkExposure(
  room: DataRoom,
  schema: Schema,
  incoming: Pick<Incoming, "principal">,
  unprotected: readonly Table[],
): void {
  const [table] = unprotected;
  if (!table || !room.config.require_rls) return;
  if (schema.roles.get(incoming.principal.role)?.bypassRls === true) return;
  throw errors.unprotected(`The ${table.kind}`, `${table.schema}.${table.name}`, remedyFor(table));
}

/** The statement that ends the exposure. */
export function remedyFor(table: Table): string {
  const name = quoteTable(table);
  if (table.exposedThrough !== null) return table.exposedThrough;
  switch (table.kind) {
    case "table":
    case "partitioned table":
      return `alter table ${name} enable row level security;`;
    case "view":
      return `alter view ${name} set (security_invoker = true);`;
    case "materialized view":
    case "foreign table":
      return `revoke all on ${name} from anon, authenticated;`;
  }
}
