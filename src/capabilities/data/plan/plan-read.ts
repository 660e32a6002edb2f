/**
 * Joins a parsed query with the schema: resolves embedded resources and hands each level's filters,
 * order and bounds to the node they belong to.
 */
import { errors } from "../errors.ts";
import type { Level, OrderTerm, Query, SelectEmbed } from "../parse/tree.ts";
import type { Relationship, Schema, Table } from "../schema/schema.ts";
import { findRelationship } from "./find-relationship.ts";
import type { EmbedNode, ReadNode } from "./read-plan.ts";

const NO_LEVEL: Level = { path: [], where: [], order: [], limit: null, offset: null };

export function planRead(schema: Schema, table: Table, query: Query): ReadNode {
  checkPaths(query);
  return planNode(schema, table, query.select, NOWHERE, query.levels);
}

/** How a level is reached. */
interface Way {
  /** Names in the request. */
  readonly path: readonly string[];
  /** Relationships gone through. */
  readonly through: readonly Relationship[];
}

const NOWHERE: Way = { path: [], through: [] };
/**
 * There and back is enough (a film's director's films). Turning round again repeats what is above,
 * and multiplies the rows by all that a parent has: five levels over 1,000 rows took 2 GB of the
 * database. Down a tree that refers to itself there is no turn.
 */
function checkTurns(key: string, through: readonly Relationship[]): void {
  const last = through.at(-1);
  const same = through.filter((r) => last !== undefined && isSame(r, last));
  const turns = same.filter((r, i) => i > 0 && r !== same[i - 1]).length;
  if (turns > 1) throw errors.embed_repeats(key, last?.constraint ?? "");
}

/** Of one foreign key, or of one junction, read either way. */
function isSame(a: Relationship, b: Relationship): boolean {
  const isOneKey = a.constraint === b.constraint && a.junction?.table === b.junction?.table;
  return isOneKey && (a === b || (a.origin === b.target && a.target === b.origin));
}

function planNode(
  schema: Schema,
  table: Table,
  select: Query["select"],
  way: Way,
  levels: readonly Level[],
): ReadNode {
  const level = levels.find((l) => samePath(l.path, way.path)) ?? NO_LEVEL;
  const fields = select.filter((item) => item.kind !== "embed");
  const embeds = select
    .filter((item) => item.kind === "embed")
    .map((item) => planEmbed(schema, table, item, way, levels));
  checkOrder(table, embeds, level.order);
  const { where, order, limit, offset } = level;
  return { table, fields, embeds, where, order, limit, offset };
}

function planEmbed(
  schema: Schema,
  origin: Table,
  item: SelectEmbed,
  way: Way,
  levels: readonly Level[],
): EmbedNode {
  const relationship = findRelationship(schema, origin, item.name, item.hint);
  const key = item.alias ?? item.name;
  const isToOne =
    relationship.cardinality === "many-to-one" || relationship.cardinality === "one-to-one";
  const through = [...way.through, relationship];
  checkTurns(key, through);
  const next = { path: [...way.path, key], through };
  const node = planNode(schema, relationship.target, item.items, next, levels);
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
