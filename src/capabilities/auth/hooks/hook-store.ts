/** Calls of SQL hooks. They run as the owner of the database, in a transaction of their own. */
import type { Sql } from "postgres";
import type { JsonObject } from "../schema.ts";

/**
 * What `schema.name(input)` returns, as JSON text; null for SQL NULL. The function may take `jsonb`
 * or `json`. Fails with SQLSTATE 57014 past `timeoutMs`.
 */
export async function callSqlHook(
  sql: Sql,
  { schema, name }: { readonly schema: string; readonly name: string },
  input: JsonObject,
  timeoutMs: number,
): Promise<string | null> {
  return sql.begin(async (tx) => {
    await tx`select set_config('statement_timeout', ${String(timeoutMs)}, true)`;
    const [row] = await tx<{ output: string | null }[]>`
      select ${tx(`${schema}.${name}`)}(${tx.json(input)})::text as output`;
    return row?.output ?? null;
  });
}
