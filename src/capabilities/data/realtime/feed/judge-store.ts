/** What judging asks in the server's own name, as the owner of the database. */
import type { Sql } from "postgres";
import type { TablePolicies } from "./policies.ts";

/** Rows of texts. */
export type TextRows = readonly (readonly (string | null)[])[];

/** @param sql made by `row-sql.ts`; its first parameter is JSON, the others texts. */
export async function askAsOwner(
  handle: Sql,
  sql: string,
  params: readonly string[],
): Promise<TextRows> {
  const rows = await handle.unsafe(sql, [...params]).raw();
  return rows.map((row) => row.map((value) => (value === null ? null : decoder.decode(value))));
}

const decoder = new TextDecoder();

/** Of the policies for reading, those that apply to the role. Read anew for each batch: they are rights. */
export async function readPolicies(
  sql: Sql,
  tableOid: number,
  role: string,
): Promise<TablePolicies> {
  return await sql.begin("read only", async (tx) => {
    // Names in the expressions then come out complete.
    await tx`select pg_catalog.set_config('search_path', '', true)`;
    const rows = await tx<{ permissive: boolean; qual: string | null }[]>`
      select p.polpermissive as permissive, pg_catalog.pg_get_expr(p.polqual, p.polrelid) as qual
      from pg_catalog.pg_policy p
      where p.polrelid = ${tableOid}::bigint::oid and p.polcmd in ('r', '*')
        and (p.polroles @> '{0}'::oid[] or exists (
          select from unnest(p.polroles) as r(oid)
          where pg_catalog.pg_has_role(${role}::name, r.oid, 'USAGE')))
      order by p.polname`;
    const of = (isPermissive: boolean) =>
      rows.filter((row) => row.permissive === isPermissive).map(({ qual }) => qual ?? "true");
    return { permissive: of(true), restrictive: of(false) };
  });
}
