/** Tables of every kind with their columns and defaults. */
import type { TransactionSql } from "postgres";
import { type ColumnFacts, columnObject } from "./column-object.ts";
import { type Alteration, address, type DdlObject, ddlObject } from "./ddl-object.ts";
import { sequenceOptions } from "./read-sequences.ts";
import { collation, userSchema } from "./read-types.ts";

interface TableRow {
  oid: number;
  row_type: number;
  array_type: number;
  name: string;
  /** pg_class.relkind: r, p or f. */
  kind: string;
  unlogged: boolean;
  method: string | null;
  options: string[];
  partition_key: string | null;
  bound: string | null;
  /** In the order of inheritance; a partition has one. */
  parents: string[];
  server: string | null;
  server_options: string | null;
  columns: ColumnFacts[];
  defaults: { column: string; sql: string; oid: number }[];
}

export async function readTables(tx: TransactionSql): Promise<DdlObject[]> {
  const rows = await tx<TableRow[]>`
    select c.oid::bigint::float8 as oid, c.reltype::bigint::float8 as row_type,
      y.typarray::bigint::float8 as array_type, format('%I.%I', n.nspname, c.relname) as name,
      c.relkind as kind, c.relpersistence = 'u' as unlogged,
      case when c.relkind = 'r' and m.amname <> 'heap' then format('%I', m.amname) end as method,
      coalesce(c.reloptions, '{}') as options,
      case when c.relkind = 'p' then pg_catalog.pg_get_partkeydef(c.oid) end as partition_key,
      case when c.relispartition then pg_catalog.pg_get_expr(c.relpartbound, c.oid) end as bound,
      array(select format('%I.%I', pn.nspname, p.relname) from pg_catalog.pg_inherits i
        join pg_catalog.pg_class p on p.oid = i.inhparent
        join pg_catalog.pg_namespace pn on pn.oid = p.relnamespace
        where i.inhrelid = c.oid order by i.inhseqno) as parents,
      quote_ident(s.srvname) as server, ${foreignOptions(tx, "f.ftoptions")} as server_options,
      ${readColumns(tx)} as columns, ${readDefaults(tx)} as defaults
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_type y on y.oid = c.reltype
    left join pg_catalog.pg_am m on m.oid = c.relam
    left join pg_catalog.pg_foreign_table f on f.ftrelid = c.oid
    left join pg_catalog.pg_foreign_server s on s.oid = f.ftserver
    where c.relkind in ('r', 'p', 'f') and ${userSchema(tx, "n")}`;
  return rows.flatMap(tableObjects);
}

/** `"a" 'b', "c" 'd'` of an array of `a=b`; null of none. */
export function foreignOptions(tx: TransactionSql, column: string) {
  return tx`(select string_agg(format('%I %L', o.option_name, o.option_value), ', ')
    from pg_catalog.pg_options_to_table(${tx.unsafe(column)}) o)`;
}

function readColumns(tx: TransactionSql) {
  return tx`coalesce((
    select json_agg(json_build_object(
      'name', format('%I', a.attname), 'number', a.attnum,
      'local', a.attislocal, 'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
      'collation', ${collation(tx)},
      'not_null', a.attnotnull,
      'identity', case a.attidentity when 'a' then 'always' when 'd' then 'by default' end,
      'identity_options', (select array_to_string(${sequenceOptions(tx)}, ' ')
        from pg_catalog.pg_depend d join pg_catalog.pg_sequence s on s.seqrelid = d.objid
        where d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = c.oid
          and d.refobjsubid = a.attnum and d.deptype = 'i'),
      'generated', case when a.attgenerated <> '' then pg_catalog.pg_get_expr(g.adbin, g.adrelid) end,
      'generated_oid', case when a.attgenerated <> '' then g.oid::bigint end,
      'generated_kind', case a.attgenerated when 's' then 'stored' when 'v' then 'virtual' end,
      'storage', case when a.attstorage <> ay.typstorage then case a.attstorage when 'p' then 'plain'
        when 'e' then 'external' when 'x' then 'extended' when 'm' then 'main' end end,
      'compression', case a.attcompression when 'p' then 'pglz' when 'l' then 'lz4' end,
      'statistics', case when a.attstattarget >= 0 then a.attstattarget end,
      'options', coalesce(a.attoptions, '{}'),
      'foreign_options', ${foreignOptions(tx, "a.attfdwoptions")}
    ) order by a.attnum)
    from pg_catalog.pg_attribute a
    join pg_catalog.pg_type ay on ay.oid = a.atttypid
    left join pg_catalog.pg_attrdef g on g.adrelid = a.attrelid and g.adnum = a.attnum
    left join pg_catalog.pg_collation l on l.oid = a.attcollation and l.oid <> ay.typcollation
    left join pg_catalog.pg_namespace ln on ln.oid = l.collnamespace
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  ), '[]'::json)`;
}

function readDefaults(tx: TransactionSql) {
  return tx`coalesce((
    select json_agg(json_build_object('column', format('%I', a.attname), 'oid', d.oid::bigint,
      'sql', pg_catalog.pg_get_expr(d.adbin, d.adrelid)) order by a.attnum)
    from pg_catalog.pg_attrdef d
    join pg_catalog.pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
    where d.adrelid = c.oid and a.attgenerated = ''
  ), '[]'::json)`;
}

function tableObjects(row: TableRow): DdlObject[] {
  const table = tableObject(row);
  const columns = row.columns.map((column) =>
    columnObject({ table, tableName: row.name, oid: row.oid }, column),
  );
  const defaults = row.defaults.map(({ column, sql, oid }) =>
    ddlObject({
      kind: "default",
      name: `${row.name}.${column}`,
      addresses: [address("pg_attrdef", oid)],
      create: [`alter table ${row.name} alter column ${column} set default ${sql};`],
      drop: [`alter table ${row.name} alter column ${column} drop default;`],
      dropsWith: [table.key, `column ${row.name}.${column}`],
      inline: sql,
      standsOn: [table.key],
      alter: () => ({
        statements: [`alter table ${row.name} alter column ${column} set default ${sql};`],
        rebuilds: false,
      }),
    }),
  );
  return [table, ...columns, ...defaults];
}

function tableObject(row: TableRow): DdlObject {
  const { name } = row;
  const word = row.kind === "f" ? "foreign table" : "table";
  const head = `create ${row.unlogged ? "unlogged " : ""}${word} ${name}`;
  const isPartition = row.bound !== null;
  const [parent = ""] = row.parents;
  const tail = [
    ...(isPartition || row.parents.length === 0 ? [] : [`inherits (${row.parents.join(", ")})`]),
    ...(isPartition ? [row.bound ?? ""] : []),
    ...(row.partition_key === null ? [] : [`partition by ${row.partition_key}`]),
    ...(row.method === null ? [] : [`using ${row.method}`]),
    ...(row.server === null ? [] : [`server ${row.server}`]),
    ...(row.server_options === null ? [] : [`options (${row.server_options})`]),
    ...(row.options.length === 0 ? [] : [`with (${row.options.map(option).join(", ")})`]),
  ];
  const { columns: _columns, defaults: _defaults, oid, row_type, array_type, ...facts } = row;
  return ddlObject({
    kind: "table",
    name,
    title: `${word} ${name}`,
    addresses: [
      address("pg_class", oid),
      address("pg_type", row_type),
      address("pg_type", array_type),
    ],
    definition: JSON.stringify(facts),
    create: [],
    drop: [`drop ${word} ${name};`],
    around: {
      head: isPartition ? `${head} partition of ${parent}` : head,
      tail: tail.length === 0 ? "" : ` ${tail.join(" ")}`,
    },
    facts,
    alter: (from) => changeTable(word, facts, from.facts as typeof facts),
  });
}

/** `fillfactor=80` as in pg_class.reloptions; values are numbers, words or texts. */
export function option(text: string): string {
  const equals = text.indexOf("=");
  const value = text.slice(equals + 1);
  return `${text.slice(0, equals)} = ${/^[\w.]+$/.test(value) ? value : `'${value.replaceAll("'", "''")}'`}`;
}

type TableFacts = Omit<TableRow, "columns" | "defaults" | "oid" | "row_type" | "array_type">;

/** What of a table itself can be changed; another kind of table or key is another table. */
function changeTable(word: string, after: TableFacts, before: TableFacts): Alteration | null {
  const fixed = (t: TableFacts) => JSON.stringify([t.kind, t.partition_key, t.server]);
  if (fixed(before) !== fixed(after)) return null;
  const names = (options: readonly string[]) => options.map((o) => o.slice(0, o.indexOf("=")));
  const reset = names(before.options).filter((o) => !names(after.options).includes(o));
  const isMoved = before.bound !== after.bound || before.parents[0] !== after.parents[0];
  const [oldParent, parent] = [before.parents[0], after.parents[0]];
  const isPartition = before.bound !== null || after.bound !== null;
  const parts = [
    ...(before.unlogged === after.unlogged ? [] : [after.unlogged ? "set unlogged" : "set logged"]),
    ...(before.method === after.method ? [] : [`set access method ${after.method ?? "heap"}`]),
    ...(reset.length === 0 ? [] : [`reset (${reset.join(", ")})`]),
    ...(after.options.join() === before.options.join() || after.options.length === 0
      ? []
      : [`set (${after.options.map(option).join(", ")})`]),
    ...(isPartition ? [] : inheritance(before.parents, after.parents)),
  ].map((part) => `alter ${word} ${after.name} ${part};`);
  if (!isPartition || !isMoved) return { statements: parts, rebuilds: false };
  const detach = `alter table ${oldParent} detach partition ${after.name};`;
  const attach = `alter table ${parent} attach partition ${after.name} ${after.bound};`;
  const moves = [
    ...(before.bound === null ? [] : [detach]),
    ...(after.bound === null ? [] : [attach]),
  ];
  return { statements: [...parts, ...moves], rebuilds: false };
}

function inheritance(before: readonly string[], after: readonly string[]): string[] {
  return [
    ...before.filter((p) => !after.includes(p)).map((p) => `no inherit ${p}`),
    ...after.filter((p) => !before.includes(p)).map((p) => `inherit ${p}`),
  ];
}
