/**
 * A read node as a SELECT. Embedded resources become lateral joins that deliver one JSON value each,
 * so a level never multiplies the rows of the level above it.
 */
import type { OrderTerm, SelectField, SelectStar } from "../parse/tree.ts";
import type { EmbedNode, ReadNode } from "../plan/read-plan.ts";
import { compileField, compileWhere, type Scope } from "./compile-condition.ts";
import type { Binder } from "./compiled.ts";
import { quoteIdent, quoteTable, quoteType } from "./quote.ts";

/** Where a node's rows come from. */
export interface Source {
  /** FROM item. */
  readonly from: string;
  /** Qualifier of its columns. */
  readonly qualifier: string;
}

/** State of one compilation. */
export interface SelectContext {
  readonly binder: Binder;
  /** Rows at most per level, or null. */
  readonly maxRows: number | null;
  /** Numbers the aliases, so that none repeats. */
  aliases: number;
}

interface CompiledEmbed {
  readonly node: EmbedNode;
  /** SQL of its JSON value. */
  readonly json: string;
  readonly join: string;
  readonly alias: string;
}

export function tableSource(node: ReadNode): Source {
  const name = quoteTable(node.table);
  return { from: name, qualifier: name };
}

/** `select … from … [joins] [where] [order by] [limit] [offset]`. */
export function compileSelect(
  node: ReadNode,
  source: Source,
  context: SelectContext,
  joins: readonly string[] = [],
): string {
  const embeds = node.embeds.map((e) => compileEmbed(e, source, context));
  const scope = scopeOf(node, source, embeds);
  const items = [...node.fields.map((f) => selectField(f, scope)), ...embeds.flatMap(selectEmbed)];
  const where = compileWhere(node.where, scope, context.binder, joins);
  const order = compileOrder(node, scope, context);
  const from = source.from + embeds.map((e) => e.join).join("");
  return `select ${items.join(", ")} from ${from}${where}${order}${compileBounds(node, context)}`;
}

/** `select 1 …` over the same rows without order and bounds: only joins that filter remain. */
export function compileCount(node: ReadNode, source: Source, context: SelectContext): string {
  const used = namesIn(node);
  const embeds = node.embeds
    .filter((e) => e.inner || used.has(e.key))
    .map((e) => compileEmbed(e, source, context));
  const where = compileWhere(node.where, scopeOf(node, source, embeds), context.binder);
  return `select 1 from ${source.from}${embeds.map((e) => e.join).join("")}${where}`;
}

/** Names that conditions of this level speak of. */
function namesIn(node: ReadNode): Set<string> {
  const names = new Set<string>();
  const visit = (conditions: ReadNode["where"]) => {
    for (const c of conditions) {
      if (c.kind === "logic") visit(c.children);
      else names.add(c.field.name);
    }
  };
  visit(node.where);
  return names;
}

function scopeOf(node: ReadNode, source: Source, embeds: readonly CompiledEmbed[]): Scope {
  return {
    table: node.table,
    qualifier: source.qualifier,
    embeds: new Map(embeds.map((e) => [e.node.key, e.json])),
  };
}

function selectField(item: SelectField | SelectStar, scope: Scope): string {
  if (item.kind === "star") return `${scope.qualifier}.*`;
  const sql = compileField(item.field, scope);
  const cast = item.cast === null ? sql : `cast(${sql} as ${quoteType(item.cast)})`;
  const needsAlias = item.alias !== null || item.field.path.length > 0 || item.cast !== null;
  return needsAlias ? `${cast} as ${quoteIdent(outputName(item))}` : cast;
}

/** The alias, else the last key of the path that is a name, else the column. */
export function outputName(item: SelectField): string {
  if (item.alias !== null) return item.alias;
  const key = item.field.path.findLast((s) => !s.isIndex);
  return key?.key ?? item.field.name;
}

/** An embed without columns (`client!inner()`) only filters. */
function selectEmbed(embed: CompiledEmbed): string[] {
  const { node } = embed.node;
  if (node.fields.length === 0 && node.embeds.length === 0) return [];
  const value = embed.node.isToOne ? embed.json : `coalesce(${embed.json}, '[]')`;
  return [`${value} as ${quoteIdent(embed.node.key)}`];
}

function compileEmbed(embed: EmbedNode, parent: Source, context: SelectContext): CompiledEmbed {
  context.aliases += 1;
  const number = context.aliases;
  const rows = rowsAlias(embed, number);
  const alias = quoteIdent(`pgrst_${number}`);
  const source = { from: `${quoteTable(embed.node.table)} as ${rows}`, qualifier: rows };
  const { from, on } = joinOf(embed, parent.qualifier, source, number);
  const select = compileSelect(embed.node, { ...source, from }, context, on);
  const value = embed.isToOne
    ? `select pg_catalog.row_to_json(_row) as json from (${select}) as _row`
    : `select pg_catalog.json_agg(_row) as json from (${select}) as _row`;
  const json = `${alias}.json`;
  const join = embed.inner
    ? ` inner join lateral (${value}) as ${alias} on ${json} is not null`
    : ` left join lateral (${value}) as ${alias} on true`;
  return { node: embed, json, join, alias };
}

/** `client_1`, as errors show it. Postgres cuts identifiers at 63 bytes, and the number must survive. */
function rowsAlias(embed: EmbedNode, number: number): string {
  const { name } = embed.node.table;
  return quoteIdent(`${Buffer.byteLength(name) <= 50 ? name : "embedded"}_${number}`);
}

/** The FROM item of an embedded level and the conditions that tie it to the row above. */
function joinOf(
  embed: EmbedNode,
  parent: string,
  source: Source,
  number: number,
): { from: string; on: string[] } {
  const { relationship } = embed;
  if (relationship.kind === "computed") {
    // The cast chooses among functions of one name when the row above is a CTE's.
    const row = `(${parent}.*)::${quoteTable(relationship.origin)}`;
    return { from: `${quoteTable(relationship.function)}(${row}) as ${source.qualifier}`, on: [] };
  }
  const { junction } = relationship;
  if (!junction) {
    return {
      from: source.from,
      on: equal(source.qualifier, relationship.targetColumns, parent, relationship.originColumns),
    };
  }
  const middle = quoteIdent(`junction_${number}`);
  return {
    from: `${source.from}, ${quoteTable(junction.table)} as ${middle}`,
    on: [
      ...equal(middle, junction.sourceColumns, parent, relationship.originColumns),
      ...equal(source.qualifier, relationship.targetColumns, middle, junction.targetColumns),
    ],
  };
}

function equal(
  left: string,
  leftColumns: readonly string[],
  right: string,
  rightColumns: readonly string[],
): string[] {
  return leftColumns.map(
    (column, i) => `${left}.${quoteIdent(column)} = ${right}.${quoteIdent(rightColumns[i] ?? "")}`,
  );
}

function compileOrder(node: ReadNode, scope: Scope, context: SelectContext): string {
  if (node.order.length === 0) return "";
  const terms = node.order.map((term) => {
    const embed = node.embeds.find((e) => e.key === term.relation);
    const key = embed ? relatedKey(term, embed, scope, context) : compileField(term.field, scope);
    const direction = term.direction === null ? "" : ` ${term.direction}`;
    return `${key}${direction}${term.nulls === null ? "" : ` nulls ${term.nulls}`}`;
  });
  return ` order by ${terms.join(", ")}`;
}

/** `client(name)`: the one related row's field, null where the embed's filters leave none. */
function relatedKey(
  term: OrderTerm,
  embed: EmbedNode,
  parent: Scope,
  context: SelectContext,
): string {
  context.aliases += 1;
  const qualifier = rowsAlias(embed, context.aliases);
  const source = { from: `${quoteTable(embed.node.table)} as ${qualifier}`, qualifier };
  const { from, on } = joinOf(embed, parent.qualifier, source, context.aliases);
  const scope = { table: embed.node.table, qualifier, embeds: new Map<string, string>() };
  const where = compileWhere(embed.node.where, scope, context.binder, on);
  return `(select ${compileField(term.field, scope)} from ${from}${where})`;
}

function compileBounds(node: ReadNode, context: SelectContext): string {
  const limit =
    node.limit !== null
      ? ` limit ${context.binder.bind(node.limit)}`
      : context.maxRows !== null
        ? ` limit ${context.maxRows}`
        : "";
  const offset = node.offset === null ? "" : ` offset ${context.binder.bind(node.offset)}`;
  return limit + offset;
}
