/** What of an exposed schema the caller may use at all, asked of Postgres as the caller. */
import type { Incoming } from "../incoming.ts";
import type { DataRoom } from "../room.ts";
import { runStatement } from "../run-request.ts";
import type { Schema } from "../schema/schema.ts";

export interface Accessible {
  readonly tables: ReadonlySet<string>;
  readonly functions: ReadonlySet<string>;
}

/** Any right counts, on a column too, or being the owner; a function has only one. */
const SQL = `select pg_catalog.json_build_object(
  'tables', (
    select coalesce(pg_catalog.json_agg(c.relname), '[]')
    from pg_catalog.pg_class c
    where c.relnamespace = n.oid and c.relkind in ('r', 'v', 'm', 'f', 'p') and not c.relispartition
      and (pg_catalog.pg_has_role(c.relowner, 'usage')
        or pg_catalog.has_table_privilege(c.oid,
          'select, insert, update, delete, truncate, references, trigger')
        or pg_catalog.has_any_column_privilege(c.oid, 'select, insert, update, references'))
  ),
  'functions', (
    select coalesce(pg_catalog.json_agg(distinct p.proname), '[]')
    from pg_catalog.pg_proc p
    where p.pronamespace = n.oid and pg_catalog.has_function_privilege(p.oid, 'execute')
  )
)
from pg_catalog.pg_namespace n where n.nspname = $1`;

export async function accessibleTo(
  room: DataRoom,
  incoming: Incoming,
  schema: Schema,
): Promise<Accessible> {
  const { rows } = await runStatement(room, incoming, schema, SQL, [incoming.schema]);
  const text = rows[0]?.[0];
  if (!text) return { tables: new Set(), functions: new Set() };
  const found = JSON.parse(new TextDecoder().decode(text)) as Record<keyof Accessible, string[]>;
  return { tables: new Set(found.tables), functions: new Set(found.functions) };
}
