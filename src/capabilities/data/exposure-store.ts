/** Who reaches what is exposed, as the owner of the database reads it. */
import type { Sql } from "postgres";
import { quoteTable } from "./compile/quote.ts";
import type { Table } from "./schema/schema.ts";

/** Those of the tables of which one of the roles may do anything. */
export async function readReachable(
  sql: Sql,
  tables: readonly Table[],
  roles: readonly string[],
): Promise<Table[]> {
  const names = JSON.stringify(tables.map(quoteTable));
  const rows = await sql<{ place: number }[]>`
    select (t.place - 1)::int as place
    from jsonb_array_elements_text(${names}::text::jsonb) with ordinality as t(name, place)
    join pg_catalog.pg_class c on c.oid = pg_catalog.to_regclass(t.name)
    where exists (
      select from jsonb_array_elements_text(${JSON.stringify(roles)}::text::jsonb) as r(name)
      join pg_catalog.pg_roles on pg_roles.rolname = r.name
      where pg_catalog.has_schema_privilege(pg_roles.oid, c.relnamespace, 'usage')
        and (pg_catalog.has_any_column_privilege(pg_roles.oid, c.oid, 'select, insert, update')
          or pg_catalog.has_table_privilege(pg_roles.oid, c.oid, 'delete')))
    order by t.place`;
  return rows.flatMap(({ place }) => tables[place] ?? []);
}
