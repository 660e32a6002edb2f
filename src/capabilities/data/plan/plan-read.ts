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

/** @param table the root; its schema is the request's, in which embedded resources are looked up. */
export function planRead(schema: Schema, table: Table, query: Query): ReadNode {
  const { schema: schemaName } = table;
  checkPaths(query);
  return planNode({ schema, schemaName, levels: query.levels }, table, query.select, []);
}

interface Planning {
  readonly schema: Schema;
  readonly schemaName: string;
  readonly levels: readonly Level[];
}

/** @param path names in the request by which the level is reached. */
function planNode(
  planning: Planning,
  table: Table,
  select: Query["select"],
  path: readonly string[],
): ReadNode {
  const level = planning.levels.find((l) => samePath(l.path, path)) ?? NO_LEVEL;
  const fields = select.filter((item) => item.kind !== "embed");
  const embeds = select
    .filter((item) => item.kind === "embed")
    .map((item) => planEmbed(planning, table, item, path));
  checkOrder(table, embeds, level.order);
  const { where, order, limit, offset } = level;
  return { table, fields, embeds, where, order, limit, offset };
}

function planEmbed(
  planning: Planning,
  origin: Table,
  item: SelectEmbed,
  path: readonly string[],
): EmbedNode {
  const { schema, schemaName } = planning;
  const relationship = findRelationship(schema, schemaName, origin, item.name, item.hint);
  const key = item.alias ?? item.name;
  const isToOne =
    relationship.cardinality === "many-to-one" || relationship.cardinality === "one-to-one";
  const node = planNode(planning, relationship.target, item.items, [...path, key]);
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
    const { relationship: r, node: below } = e;
    // What a function over the row returns is its author's word, like that of any function.
    const own =
      r.kind === "computed" ? below.embeds.flatMap((b) => tablesOf(b.node)) : tablesOf(below);
    return r.kind === "foreign key" && r.junction ? [...own, r.junction.table] : own;
  });
  return [node.table, ...embedded];
}
