/** What must be so before somebody is told of a table's changes: it is served, and they may read it. */
import type { Principal } from "../../../../core/ports/auth.ts";
import { PgError } from "../../../../postgres/wire/pg-error.ts";
import { quoteTable } from "../../compile/quote.ts";
import { errors } from "../../errors.ts";
import { checkExposure, findTable } from "../../find-table.ts";
import type { DataRoom } from "../../room.ts";
import type { Schema, Table } from "../../schema/schema.ts";
import { fromPgError } from "../../sqlstate.ts";
import type { ChangeInterest } from "../change-feed.ts";
import { compileFilters } from "./compile-filters.ts";
import { feedErrors } from "./errors.ts";
import type { JudgeQueries } from "./judge-queries.ts";
import { askRoleFacts } from "./role-facts.ts";
import type { Filters } from "./subscription.ts";
import type { RoleFacts, TableFacts } from "./table-facts.ts";

const NO_FILTERS: Filters = { plain: [], sql: [] };

export interface CheckOptions {
  readonly room: DataRoom;
  readonly schema: Schema;
  readonly queries: JudgeQueries;
}

/** The table, which its role may read in principle; null = every table of the schema. */
export function checkTable(interest: ChangeInterest, { room, schema }: CheckOptions): Table | null {
  const { schema: schemaName, table: name, principal, filters } = interest;
  if (!room.searchPaths.has(schemaName)) {
    throw errors.PGRST106(schemaName, [...room.searchPaths.keys()]);
  }
  if (name === null) {
    if (filters.length > 0) throw feedErrors.realtime_table_missing();
    return null;
  }
  const table = findTable(schema, schemaName, name);
  if (table.kind !== "table" && table.kind !== "partitioned table") {
    throw feedErrors.realtime_not_a_table(table.kind, `${table.schema}.${table.name}`);
  }
  if (!table.isProtected) checkExposure(room, schema, { principal }, [table]);
  return table;
}

/** @throws 42501, 42703, 22P02 … as a request with these columns and filters would. */
export async function checkRights(
  interest: ChangeInterest,
  table: Table,
  facts: TableFacts,
  options: CheckOptions,
): Promise<Filters> {
  const { room, schema, queries } = options;
  const { principal } = interest;
  const caller = { principal, schema: table.schema };
  const ask = (sql: string, params: readonly string[]) => queries.asCaller(caller, sql, params);
  try {
    const rights = await askRoleFacts(queries, caller, facts.oid);
    if (rights.columns.size === 0) await ask(`select from ${quoteTable(table)} limit 0`, []);
    checkColumns(interest, table, facts, rights, isAnonymous(room, principal));
    if (interest.filters.length === 0) return NO_FILTERS;
    return await compileFilters(interest.filters, { schema, table, facts, ask });
  } catch (error) {
    if (error instanceof PgError) throw fromPgError(error, isAnonymous(room, principal));
    throw error;
  }
}

function checkColumns(
  interest: ChangeInterest,
  table: Table,
  { keyColumns }: TableFacts,
  rights: RoleFacts,
  isAnonymous: boolean,
): void {
  const filtered = interest.filters.flatMap(({ condition }) =>
    condition.kind === "filter" ? [condition.field.name] : [],
  );
  for (const name of [...(interest.columns ?? []), ...filtered]) {
    if (!table.columns.has(name)) throw feedErrors.column_unknown(table.name, name);
  }
  if (rights.isJudged && keyColumns.length === 0) {
    throw feedErrors.realtime_key_missing(`${table.schema}.${table.name}`);
  }
  // Without its key a row cannot be looked up under the caller's rights.
  const needed = rights.isJudged ? keyColumns : [];
  for (const name of [...needed, ...(interest.columns ?? []), ...filtered]) {
    if (!rights.columns.has(name)) {
      throw feedErrors.column_forbidden(table.name, name, isAnonymous);
    }
  }
}

function isAnonymous(room: DataRoom, { role }: Principal): boolean {
  return role === room.config.db_anon_role;
}
