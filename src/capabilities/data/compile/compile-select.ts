/**
 * A read node as a SELECT. Embedded resources deliver one value for each row above them (or one
 * row, or one list for each column), so a level never multiplies the rows of the level above it.
 */
import type {
  EmbedNode,
  Output,
  OutputField,
  PlannedCondition,
  PlannedOrder,
  ReadNode,
} from "../plan/read-plan.ts";
import { isView } from "../schema/schema.ts";
import { compileField, compileWhere, type Scope } from "./compile-condition.ts";
import {
  aggregateSql,
  asJoin,
  asSubquery,
  type CompiledEmbed,
  castSql,
  type EmbedUse,
  isJoined,
  outputNames,
  type SelectItemSql,
} from "./compile-embed.ts";
import { existsSql, keysIn } from "./compile-exists.ts";
import { isSureOfOne, joinOf, type SelectContext, type Source } from "./compile-join.ts";
import { quoteIdent, quoteTable } from "./quote.ts";

export function tableSource(node: ReadNode): Source {
  const name = quoteTable(node.table);
  return { from: name, qualifier: name };
}

/** `select … from … [joins] [where] [group by] [order by] [limit] [offset]`. */
export function compileSelect(node: ReadNode, source: Source, context: SelectContext): string {
  const bounds = compileBounds(node, context, isNamedByKey(node) ? null : context.maxRows);
  return compileLevel(node, source, context, { depth: 0, on: [], isGrouped: false, bounds });
}

/**
 * Its filters name one row by its key, so no bound is needed; a `limit` costs Postgres a tenth of
 * such a query. (Where tables inherit there may be one for each of them.)
 */
export function isNamedByKey({ table, where }: ReadNode): boolean {
  if (table.primaryKey.length === 0 || isView(table)) return false;
  return table.primaryKey.every((column) => where.some((one) => isEqualTo(one, column)));
}

function isEqualTo(condition: PlannedCondition, column: string): boolean {
  if (condition.kind !== "filter" || condition.negated) return false;
  const { field, operation } = condition;
  const isEquality =
    operation.kind === "compare" && operation.op === "eq" && operation.quantifier === null;
  return isEquality && field.name === column && field.path.length === 0;
}

interface Place {
  /** 0 = the root. */
  readonly depth: number;
  /** Conditions that tie it to the row above. */
  readonly on: readonly string[];
  /** A level above groups by what this one gives. */
  readonly isGrouped: boolean;
  readonly bounds: string;
}

function compileLevel(
  node: ReadNode,
  source: Source,
  context: SelectContext,
  place: Place,
): string {
  const asked = keysIn(node.where);
  const embeds = node.embeds.map((embed): Embedded => {
    const compiled = compileEmbed(embed, source, useOf(embed, node, place, asked), context, place);
    return { embed, ...compiled };
  });
  const present = ({ embed, present: known }: Embedded) =>
    known ?? existsSql(embed, source.qualifier, context, place.depth);
  const filtered = embeds.filter((e) => asked.has(e.embed.key));
  const scope: Scope = {
    qualifier: source.qualifier,
    embeds: new Map(filtered.map((e) => [e.embed.key, present(e)])),
  };
  const inner = embeds.filter((e) => e.embed.inner && e.join === "").map(present);
  const items = [...node.fields.map((f) => outputSql(f, scope)), ...embeds.flatMap((e) => e.items)];
  const where = compileWhere(node.where, scope, context.binder, [...place.on, ...inner]);
  const from = source.from + embeds.map((e) => e.join).join("");
  const order = compileOrder(node, scope, embeds, context, place.depth);
  return `select ${listSql(items, place)} from ${from}${where}${groupBy(node, items)}${order}${place.bounds}`;
}

interface Embedded extends CompiledEmbed {
  readonly embed: EmbedNode;
}

function useOf(
  embed: EmbedNode,
  node: ReadNode,
  place: Place,
  asked: ReadonlySet<string>,
): EmbedUse {
  const names = outputNames(embed.node);
  return {
    isFiltered: asked.has(embed.key),
    isOrdered: node.order.some((t) => t.relation === embed.key && names.includes(t.field.name)),
    isUnbounded: place.depth === 0 && place.bounds === "",
    isAggregated: node.isGrouped,
    isGrouped: node.isGrouped || place.isGrouped,
  };
}

function compileEmbed(
  embed: EmbedNode,
  parent: Source,
  use: EmbedUse,
  context: SelectContext,
  above: Place,
): CompiledEmbed {
  const depth = above.depth + 1;
  const join = joinOf(embed, parent.qualifier, depth);
  const joined = isJoined(embed, use);
  const bounds = compileBounds(embed.node, context, rowsAtMost(embed, joined, context));
  const isGrouped = use.isGrouped && embed.spread !== null;
  const place = { depth, on: join.on, isGrouped, bounds };
  const select = compileLevel(embed.node, join, context, place);
  if (!joined) return asSubquery(embed, select);
  context.aliases += 1;
  return asJoin(embed, select, quoteIdent(`pgrst_${context.aliases}`), use);
}

/**
 * A key's one row needs no bound, and a join without one can be merged with the query above. Tables
 * that inherit have rows which their parent's keys do not know: a subquery must not fail on them.
 */
function rowsAtMost(embed: EmbedNode, joined: boolean, context: SelectContext): number | null {
  if (!isSureOfOne(embed)) return context.maxRows;
  return joined ? null : 1;
}

/** A row without columns is a row still, but for what asks whether it is there. */
function listSql(items: readonly SelectItemSql[], place: Place): string {
  if (items.length === 0 && place.depth > 0) return "1 as pgrst_row";
  return items.map((item) => item.sql).join(", ");
}

function outputSql(output: Output, scope: Scope): SelectItemSql {
  switch (output.kind) {
    case "star":
      return { sql: `${scope.qualifier}.*`, isAggregate: false };
    case "row":
      return { sql: `1 as ${quoteIdent(output.name)}`, isAggregate: false };
    case "count": {
      const count = castSql("pg_catalog.count(*)", output.cast);
      return { sql: `${count} as ${quoteIdent(output.name)}`, isAggregate: true };
    }
    case "field":
      return { sql: fieldSql(output, scope), isAggregate: output.aggregate !== null };
  }
}

function fieldSql(output: OutputField, scope: Scope): string {
  const column = compileField(output.field, scope);
  const formatted = output.formatter === null ? column : `${output.formatter}(${column})`;
  const sql = aggregateSql(output, castSql(formatted, output.cast));
  const isPlain = sql === column && output.field.path.length === 0;
  return isPlain && output.name === output.field.name
    ? sql
    : `${sql} as ${quoteIdent(output.name)}`;
}

/** By place in the list: a name could be a column's as well. */
function groupBy(node: ReadNode, items: readonly SelectItemSql[]): string {
  if (!node.isGrouped) return "";
  const places = items.flatMap((item, i) => (item.isAggregate ? [] : [i + 1]));
  return places.length === 0 ? "" : ` group by ${places.join(", ")}`;
}

function compileOrder(
  node: ReadNode,
  scope: Scope,
  embeds: readonly Embedded[],
  context: SelectContext,
  depth: number,
): string {
  if (node.order.length === 0) return "";
  const terms = node.order.map((term) => {
    const embedded = embeds.find((e) => e.embed.key === term.relation);
    const key = embedded
      ? relatedKey(term, embedded, scope, context, depth)
      : compileField(term.field, scope);
    const direction = term.direction === null ? "" : ` ${term.direction}`;
    return `${key}${direction}${term.nulls === null ? "" : ` nulls ${term.nulls}`}`;
  });
  return ` order by ${terms.join(", ")}`;
}

/**
 * `client(name)`: what the one related row shows under that name, else its column; null where the
 * embed's filters leave no row.
 */
function relatedKey(
  term: PlannedOrder,
  { embed, columns }: Embedded,
  parent: Scope,
  context: SelectContext,
  depth: number,
): string {
  if (columns !== null && outputNames(embed.node).includes(term.field.name)) {
    const output = embed.node.fields.find((f) => f.kind === "field" && f.name === term.field.name);
    const isJson = output?.kind === "field" ? output.field.isJson : term.field.isJson;
    return compileField({ ...term.field, isJson }, { qualifier: columns });
  }
  const join = joinOf(embed, parent.qualifier, depth + 1);
  const scope = { qualifier: join.qualifier, embeds: new Map<string, string>() };
  const where = compileWhere(embed.node.where, scope, context.binder, join.on);
  return `(select ${compileField(term.field, scope)} from ${join.from}${where})`;
}

function compileBounds(node: ReadNode, context: SelectContext, maxRows: number | null): string {
  const limit =
    node.limit !== null
      ? ` limit ${context.binder.bind(node.limit)}`
      : maxRows !== null
        ? ` limit ${maxRows}`
        : "";
  const offset = node.offset === null ? "" : ` offset ${context.binder.bind(node.offset)}`;
  return limit + offset;
}
