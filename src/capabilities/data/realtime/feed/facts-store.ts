/** Reads what the catalogue says about a table that somebody subscribes to. */
import type { Sql, TransactionSql } from "postgres";
import { publishingLock } from "./publication-store.ts";
import type { GeneratedColumn, TableFacts } from "./table-facts.ts";

interface FactsRow {
  readonly oid: number;
  readonly kind: string;
  readonly without_identity: TableFacts["withoutIdentity"];
  readonly key_columns: readonly string[];
  readonly is_published: boolean;
  readonly is_settled: boolean;
  readonly generated: readonly GeneratedColumn[];
  readonly plain: readonly { readonly name: string; readonly type: string }[];
}

/** Types that print equal values alike and different ones differently. */
const PLAIN_TYPES = ["int2", "int4", "int8", "uuid", "bool", "text", "varchar"];

/** Null when the table is not there (any more). */
export async function readTableFacts(
  sql: Sql,
  table: { readonly schema: string; readonly name: string },
  publication: string,
): Promise<TableFacts | null> {
  const [row] = await sql.begin(async (tx) => {
    // Names in the expressions then come out complete.
    await tx`select pg_catalog.set_config('search_path', '', true)`;
    return await readRow(tx, table, publication);
  });
  if (!row) return null;
  return {
    oid: row.oid,
    kind: row.kind,
    keyColumns: row.key_columns,
    withoutIdentity: row.without_identity,
    isPublished: row.is_published,
    isSettled: row.is_settled,
    generated: row.generated,
    plainTypes: new Map(row.plain.map(({ name, type }) => [name, type])),
  };
}

async function readRow(
  tx: TransactionSql,
  table: { readonly schema: string; readonly name: string },
  publication: string,
): Promise<FactsRow[]> {
  return await tx<FactsRow[]>`
    select c.oid::bigint::float8 as oid, c.relkind as kind,
      (select json_build_object('schema', pn.nspname, 'name', pc.relname)
       from pg_catalog.pg_class pc
       join pg_catalog.pg_namespace pn on pn.oid = pc.relnamespace
       where (pc.oid = c.oid
           or pc.oid in (select relid from pg_catalog.pg_partition_tree(c.oid) where isleaf))
         and pc.relreplident <> 'f' and not exists (
           select from pg_catalog.pg_index i
           where i.indrelid = pc.oid and i.indisvalid and case pc.relreplident
             when 'd' then i.indisprimary when 'i' then i.indisreplident else false end)
       order by pc.oid <> c.oid, pc.oid limit 1
      ) as without_identity,
      coalesce(k.columns, '[]'::json) as key_columns,
      exists (
        select from pg_catalog.pg_publication p
        cross join lateral pg_catalog.pg_get_publication_tables(p.pubname::text) t
        where p.pubname = ${publication} and (t.relid = c.oid
          or t.relid in (select relid from pg_catalog.pg_partition_tree(c.oid)))
      ) as is_published,
      pg_catalog.pg_try_advisory_xact_lock_shared(
        ${publishingLock(0)}::bigint + c.oid::bigint) as is_settled,
      coalesce(g.generated, '[]'::json) as generated,
      coalesce(a.plain, '[]'::json) as plain
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    left join lateral (
      select json_agg(pa.attname order by u.place) as columns
      from pg_catalog.pg_index i
      cross join lateral unnest(i.indkey::int2[]) with ordinality as u(number, place)
      join pg_catalog.pg_attribute pa on pa.attrelid = c.oid and pa.attnum = u.number
      where i.indexrelid = (
        select x.indexrelid from pg_catalog.pg_index x
        where x.indrelid = c.oid and x.indisvalid
          and (x.indisprimary or (x.indisreplident and c.relreplident = 'i'))
        order by x.indisprimary desc limit 1
      ) and u.place <= i.indnkeyatts
    ) k on true
    left join lateral (
      select json_agg(json_build_object('name', pa.attname,
        'sql', pg_catalog.pg_get_expr(d.adbin, d.adrelid))) as generated
      from pg_catalog.pg_attribute pa
      join pg_catalog.pg_attrdef d on d.adrelid = pa.attrelid and d.adnum = pa.attnum
      where pa.attrelid = c.oid and pa.attgenerated <> '' and not pa.attisdropped
    ) g on true
    left join lateral (
      select json_agg(json_build_object('name', pa.attname, 'type', t.typname)) as plain
      from pg_catalog.pg_attribute pa
      join pg_catalog.pg_type t on t.oid = pa.atttypid
      left join pg_catalog.pg_collation l on l.oid = pa.attcollation
      where pa.attrelid = c.oid and pa.attnum > 0 and not pa.attisdropped and pa.attgenerated = ''
        and t.typnamespace = 'pg_catalog'::regnamespace
        and t.typname = any(${`{${PLAIN_TYPES.join(",")}}`}::text::text[])
        and coalesce(l.collisdeterministic, true)
    ) a on true
    where n.nspname = ${table.schema} and c.relname = ${table.name}`;
}
