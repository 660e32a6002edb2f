/**
 * Filters of a subscription, made ready once: what Postgres would decide by comparing texts is decided
 * by comparing texts, everything else is SQL of the data API's own compiler.
 */

import { compileWhere } from "../../compile/compile-condition.ts";
import { Binder } from "../../compile/compiled.ts";
import { quoteTable } from "../../compile/quote.ts";
import { arrayLiteral } from "../../parse/operation.ts";
import type { Condition } from "../../parse/tree.ts";
import { planCondition } from "../../plan/plan-fields.ts";
import type { Schema, Table } from "../../schema/schema.ts";
import type { RowFilter } from "../change-feed.ts";
import { feedErrors } from "./errors.ts";
import { ROW_ALIAS } from "./row-sql.ts";
import type { Filters, PlainFilter, SqlFilter } from "./subscription.ts";
import type { TableFacts } from "./table-facts.ts";

export interface FilterOptions {
  readonly schema: Schema;
  readonly table: Table;
  readonly facts: TableFacts;
  /** Runs a statement as the caller; rows as texts. */
  ask(sql: string, params: readonly string[]): Promise<readonly (readonly (string | null)[])[]>;
}

/**
 * @throws 42703 for a column that the table does not have; PgError for a value that cannot be read or
 *   a column that the caller may not select.
 */
export async function compileFilters(
  filters: readonly RowFilter[],
  options: FilterOptions,
): Promise<Filters> {
  const plain: PlainFilter[] = [];
  const sql: SqlFilter[] = [];
  for (const filter of filters) {
    for (const name of columnsOf(filter.condition)) {
      if (!options.table.columns.has(name)) {
        throw feedErrors.column_unknown(options.table.name, name);
      }
    }
    const compared = plainValues(filter, options.facts);
    if (compared) plain.push(await readPlain(compared, options));
    else sql.push(await readSql(filter, options));
  }
  return { plain, sql };
}

function columnsOf(condition: Condition): string[] {
  return condition.kind === "filter"
    ? [condition.field.name]
    : condition.children.flatMap(columnsOf);
}

interface Compared {
  readonly column: string;
  /** Built-in, as a cast may name it. */
  readonly type: string;
  /** Array literal. */
  readonly values: string;
}

/** `column=eq.value` and `column=in.(…)` where equal values have equal texts; else null. */
function plainValues({ condition, values }: RowFilter, facts: TableFacts): Compared | null {
  if (condition.kind !== "filter" || condition.negated || condition.field.path.length > 0) {
    return null;
  }
  const column = condition.field.name;
  const type = facts.plainTypes.get(column);
  if (type === undefined) return null;
  const { operation } = condition;
  if (operation.kind === "in") return { column, type, values: values[operation.slot] ?? "{}" };
  if (operation.kind !== "compare" || operation.op !== "eq" || operation.quantifier !== null) {
    return null;
  }
  return { column, type, values: arrayLiteral([values[operation.slot] ?? ""]) };
}

/** The texts as the type prints them: `+07` and `7` are one integer. */
async function readPlain(
  { column, type, values }: Compared,
  { ask }: FilterOptions,
): Promise<PlainFilter> {
  const rows = await ask(
    `select pg_catalog.format('%s', value) from pg_catalog.unnest($1::pg_catalog."${type}"[]) as value`,
    [values],
  );
  return { column, texts: new Set(rows.map(([text]) => text ?? "")) };
}

async function readSql(
  { condition, values }: RowFilter,
  { schema, table, ask }: FilterOptions,
): Promise<SqlFilter> {
  const binder = new Binder();
  const planned = planCondition(schema, table, new Set(), condition);
  const scope = { qualifier: ROW_ALIAS, embeds: new Map<string, string>() };
  const sql = compileWhere([planned], scope, binder).slice(" where ".length);
  const params = binder.slots.map((slot) => values[slot] ?? "");
  await ask(probeSql(table, sql), params);
  const columns = new Set(columnsOf(condition));
  return { key: JSON.stringify([sql, params]), sql, params, columns };
}

/** Fails as a request with this filter would; selects nothing. */
function probeSql(table: Table, condition: string): string {
  return `select from ${quoteTable(table)} as ${ROW_ALIAS} where ${condition} limit 0`;
}
