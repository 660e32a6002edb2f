/**
 * Joins a parsed query with the schema: resolves embedded resources and hands each level's filters,
 * order and bounds to the node they belong to.
 */
import { errors } from "../errors.ts";
import type { Level, OrderTerm, Query, SelectEmbed } from "../parse/tree.ts";
import type { Schema, Table } from "../schema/schema.ts";
import { findRelationship } from "./find-relationship.ts";
import type { EmbedNode, ReadNode } from "./read-plan.ts";

const NO_LEVEL: Level = { path: [], where: [], order: [], limit: null, offset: null };

export function planRead(schema: Schema, table: Table, query: Query): ReadNode {
  checkPaths(query);
  return planNode(schema, table, query.select, [], query.levels);
}

function planNode(
  schema: Schema,
  table: Table,
  select: Query["select"],
  path: readonly string[],
  levels: readonly Level[],
): ReadNode {
  const level = levels.find((l) => samePath(l.path, path)) ?? NO_LEVEL;
  const fields = select.filter((item) => item.kind !== "embed");
  const embeds = select
    .filter((item) => item.kind === "embed")
    .map((item) => planEmbed(schema, table, item, path, levels));
  checkOrder(table, embeds, level.order);
  const { where, order, limit, offset } = level;
  return { table, fields, embeds, where, order, limit, offset };
}

function planEmbed(
  schema: Schema,
  origin: Table,
  item: SelectEmbed,
  path: readonly string[],
  levels: readonly Level[],
): EmbedNode {
  const relationship = findRelationship(schema, origin, item.name, item.hint);
  const key = item.alias ?? item.name;
  const isToOne =
    relationship.cardinality === "many-to-one" || relationship.cardinality === "one-to-one";
  const node = planNode(schema, relationship.target, item.items, [...path, key], levels);
  return { key, relationship, isToOne, inner: item.inner, node };
}

/** `order=client(name)` needs `client` to be embedded, and to be one row. */
function checkOrder(table: Table, embeds: readonly EmbedNode[], order: readonly OrderTerm[]): void {
  for (const { relation } of order) {
    if (relation === null) continue;
    const embed = embeds.find((e) => e.key === relation);
    if (!embed) throw errors.PGRST108(relation);
    if (!embed.isToOne) throw errors.PGRST118(table.name, relation);
  }
}

/** A filter, order or bound on a resource that is not embedded is PGRST108. */
function checkPaths(query: Query): void {
  for (const { path } of query.levels) {
    let items = query.select;
    for (const name of path) {
      const embed = items.find((i): i is SelectEmbed => i.kind === "embed" && keyOf(i) === name);
      if (!embed) throw errors.PGRST108(name);
      items = embed.items;
    }
  }
}

function keyOf(embed: SelectEmbed): string {
  return embed.alias ?? embed.name;
}

function samePath(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, i) => name === b[i]);
}

/** Every table that a plan reads. */
export function tablesOf(node: ReadNode): Table[] {
  const embedded = node.embeds.flatMap((e) => {
    const junction = e.relationship.junction;
    return [...tablesOf(e.node), ...(junction ? [junction.table] : [])];
  });
  return [node.table, ...embedded];
}
