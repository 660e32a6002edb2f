/**
 * The SQL by which changes are judged and rendered. Rows travel as JSON arrays of objects whose
 * members are the columns' texts; `json_populate_record` over the table's own row type makes values
 * of them, so that no type has to be named and none is missed.
 */
import { quoteIdent, quoteLiteral, quoteTable } from "../../compile/quote.ts";
import type { Table } from "../../schema/schema.ts";
import type { TablePolicies } from "./policies.ts";
import type { RawChange, RowValues } from "./raw-change.ts";
import type { GeneratedColumn } from "./table-facts.ts";

/** The row of a change in conditions. */
export const ROW_ALIAS = "pgrst_change";
const TABLE_ALIAS = "pgrst_row";

/** What the rows travel as. The names must be no column's: policies name columns without their table. */
const ITEM = "with ordinality as pgrst_item(pgrst_value, pgrst_place)";
const PLACE = "pgrst_item.pgrst_place";

/** `from …`: the rows of the JSON array that is parameter `$n`, as `alias`, numbered from 1 by `PLACE`. */
function rowsFrom(
  table: Table,
  parameter: number,
  alias: string,
  generated: readonly GeneratedColumn[] = [],
): string {
  const told = `pg_catalog.json_populate_record(null::${quoteTable(table)}, pgrst_item.pgrst_value)`;
  const row = generated.length === 0 ? told : withGenerated(told, generated);
  const items = `pg_catalog.json_array_elements($${parameter}::pg_catalog.text::pg_catalog.json)`;
  return `from ${items} ${ITEM} cross join lateral ${row} as ${alias}`;
}

/** No change tells generated columns, but conditions may look at them. */
function withGenerated(row: string, generated: readonly GeneratedColumn[]): string {
  const members = generated.map(({ name, sql }) => `${quoteLiteral(name)}, (${sql})`).join(", ");
  const base = `(select pgrst_base from ${row} as pgrst_base)`;
  const values = `(select pg_catalog.json_build_object(${members}) from ${row} as pgrst_base)`;
  return `pg_catalog.json_populate_record(${base}, ${values})`;
}

/** One row of the array. Values that the change does not tell are left out. */
export function rowJson(table: Table, change: RawChange, values: RowValues): string {
  const members: string[] = [];
  for (const [at, { name }] of change.shape.columns.entries()) {
    const text = values[at];
    const column = table.columns.get(name);
    if (text === undefined || !column) continue;
    // A column of JSON takes the member as it is; every other reads a string by its input function.
    const isJson = column.baseType === "json" || column.baseType === "jsonb";
    const value = text === null ? "null" : isJson ? text : JSON.stringify(text);
    members.push(`${JSON.stringify(name)}:${value}`);
  }
  return `{${members.join(",")}}`;
}

/** Number of the row, then the rendered columns. `$1` = rows. */
export function renderSql(table: Table, columns: readonly string[]): string {
  const values = columns.map(
    (name) => `pg_catalog.to_json(${TABLE_ALIAS}.${quoteIdent(name)})::pg_catalog.text`,
  );
  return `select ${PLACE}, ${values.join(", ")} ${rowsFrom(table, 1, TABLE_ALIAS)}`;
}

/**
 * Numbers of the rows for which the condition holds. Its own parameters come first, then the rows.
 * @param generated columns that the condition looks at.
 */
export function filterSql(
  table: Table,
  condition: string,
  ownParameters: number,
  generated: readonly GeneratedColumn[],
): string {
  const rows = rowsFrom(table, ownParameters + 1, ROW_ALIAS, generated);
  return `select ${PLACE} ${rows} where ${condition}`;
}

/**
 * Numbers of the rows that the policies for reading allow, whether or not a row like them is stored.
 * The alias is the table's name, because policies qualify their columns by it in sub-selects.
 */
export function policySql(
  table: Table,
  { permissive, restrictive }: TablePolicies,
  generated: readonly GeneratedColumn[],
): string {
  const any = permissive.length === 0 ? "false" : permissive.map((sql) => `(${sql})`).join(" or ");
  const all = [`(${any})`, ...restrictive.map((sql) => `(${sql})`)].join(" and ");
  const rows = rowsFrom(table, 1, quoteIdent(table.name), generated);
  return `select ${PLACE} ${rows} where ${all}`;
}

/**
 * The keys that the role sees now, and which version of the row each is (`null` where it may not
 * ask). A key of one column: `$1` is an array of them. Of several: `count` keys, one parameter each.
 */
export function visibleSql(
  table: Table,
  keyColumns: readonly string[],
  withVersion: boolean,
  count: number,
): string {
  const key = keyColumns.map((name) => `${TABLE_ALIAS}.${quoteIdent(name)}`);
  const version = withVersion ? VERSION : "null";
  const from = `from ${quoteTable(table)} as ${TABLE_ALIAS}`;
  return `select ${version}, ${key.join(", ")} ${from} where ${keyCondition(key, count, 1)}`;
}

/** Of a version of a row, wherever it is stored. */
const VERSION = `pg_catalog.concat_ws(' ', ${TABLE_ALIAS}.tableoid, ${TABLE_ALIAS}.ctid, ${TABLE_ALIAS}.xmin)`;

/** @param first number of the first parameter. */
function keyCondition(key: readonly string[], count: number, first: number): string {
  if (key.length === 1) return `${key[0]} = any ($${first})`;
  const one = (nth: number) =>
    key.map((column, at) => `${column} = $${first + nth * key.length + at}`).join(" and ");
  return Array.from({ length: count }, (_, nth) => `(${one(nth)})`).join(" or ");
}

/**
 * As the owner: the snapshot, and for each row of `$1` (objects with `k`, the texts of the key, and
 * `v`, the row) the version that is stored now, whether it still is the row of the change, and the
 * texts of `missing` columns as they are now. `$2…` = keys as in `visibleSql`.
 */
export function referenceSql(
  table: Table,
  keyColumns: readonly string[],
  compared: readonly string[],
  missing: readonly string[],
  count: number,
): string {
  const column = (alias: string) => (name: string) => `${alias}.${quoteIdent(name)}`;
  const key = keyColumns.map(column(TABLE_ALIAS));
  const row = (alias: string) => `row(${compared.map(column(alias)).join(", ")})`;
  const same = `pg_catalog.record_image_eq(${row(TABLE_ALIAS)}, ${row(ROW_ALIAS)})`;
  const texts = missing.map(column(TABLE_ALIAS)).map(textOf);
  const nulls = texts.map(() => "null::pg_catalog.text");
  const snapshot = "pg_catalog.pg_current_snapshot()::pg_catalog.text";
  return `
    select ${["0::pg_catalog.int8 as i", snapshot, "null::pg_catalog.bool", ...nulls].join(", ")}
    union all
    select ${[PLACE, VERSION, same, ...texts].join(", ")}
    from ${quoteTable(table)} as ${TABLE_ALIAS}
    join pg_catalog.json_array_elements($1::pg_catalog.text::pg_catalog.json)
      ${ITEM}
      on pgrst_item.pgrst_value ->> 'k' = pg_catalog.json_build_array(${key.map(textOf).join(", ")})::pg_catalog.text
    cross join lateral pg_catalog.json_populate_record(${TABLE_ALIAS}, pgrst_item.pgrst_value -> 'v') as ${ROW_ALIAS}
    where ${keyCondition(key, count, 2)}`;
}

/** The key's texts as `referenceSql` writes them. */
export function keyJson(key: readonly string[]): string {
  return `[${key.map((text) => JSON.stringify(text)).join(", ")}]`;
}

/** By the type's output function: a cast to text prints some values otherwise. */
function textOf(sql: string): string {
  return `case when ${sql} is not null then pg_catalog.format('%s', ${sql}) end`;
}
