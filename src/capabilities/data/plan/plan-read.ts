/**
 * Joins a parsed query with the schema: resolves embedded resources and hands each level's filters,
 * order and bounds to the node they belong to.
 */
import { errors } from "../errors.ts";
import type { Query, SelectEmbed } from "../parse/tree.ts";
import type { Schema, Table } from "../schema/schema.ts";
import { findRelationship } from "./find-relationship.ts";
import { keyOf, planCondition, planOrder, planOutputs } from "./plan-fields.ts";
import { legacyWarning, levelAt, type ResolvedLevels, resolveLevels } from "./plan-levels.ts";
import { hoist, spreadColumns } from "./plan-spread.ts";
import type { EmbedNode, Output, ReadNode, ReadPlan } from "./read-plan.ts";

export interface PlanRules {
  /** Whether `sum()` and the like may be asked for: else PGRST123. */
  readonly db_aggregates_enabled: boolean;
}

/** @param table the root; its schema is the request's, in which embedded resources are looked up. */
export function planRead(schema: Schema, table: Table, query: Query, rules: PlanRules): ReadPlan {
  const { levels, legacyNames } = resolveLevels(query);
  const planning = { schema, schemaName: table.schema, levels, rules };
  const select = query.select.length === 0 ? STAR : query.select;
  const { node } = planNode(planning, table, select, { path: [], mode: "value", isGrouped: false });
  return { ...node, warning: legacyNames.size === 0 ? null : legacyWarning(legacyNames) };
}

const STAR: Query["select"] = [{ kind: "star" }];

interface Planning {
  readonly schema: Schema;
  readonly schemaName: string;
  readonly levels: ResolvedLevels["levels"];
  readonly rules: PlanRules;
}

/** What the level above makes of a level. */
interface Place {
  /** Keys by which the level is reached. */
  readonly path: readonly string[];
  readonly mode: "value" | "spread one" | "spread many";
  /** A level above is grouped. */
  readonly isGrouped: boolean;
}

interface Planned {
  readonly node: ReadNode;
  /** The level's columns before any aggregate moved up. */
  readonly outputs: readonly Output[];
}

function planNode(
  planning: Planning,
  table: Table,
  select: Query["select"],
  place: Place,
): Planned {
  const { schema, rules } = planning;
  const { mode } = place;
  const hasOwn = select.some(isAggregated);
  if (hasOwn && !rules.db_aggregates_enabled) throw errors.PGRST123();
  const below = { ...place, isGrouped: place.isGrouped || hasOwn };
  const embeds = select
    .filter((item) => item.kind === "embed")
    .map((item) => planEmbed(planning, table, item, below));
  const hasAggregates = hasOwn || embeds.some(({ spread }) => spread?.some((c) => c.aggregate));
  if (hasAggregates && mode === "spread many") throw errors.PGRST127(NO_AGGREGATES);
  const expandsStar = below.isGrouped || hasAggregates || mode !== "value";
  const outputs = planOutputs(schema, table, select, expandsStar);
  const keys = new Set(embeds.map((e) => e.key));
  const level = levelAt(planning.levels, place.path);
  const node = {
    table,
    fields: mode === "spread one" ? outputs.map(hoist) : outputs,
    embeds,
    where: level.where.map((c) => planCondition(schema, table, keys, c)),
    order: level.order.map((term) => planOrder(table, embeds, term)),
    limit: level.limit,
    offset: level.offset,
    isGrouped: hasAggregates && mode === "value",
  };
  return { node, outputs };
}

const NO_AGGREGATES = "Aggregates are not implemented for one-to-many or many-to-many spreads.";

function isAggregated(item: Query["select"][number]): boolean {
  return item.kind === "count" || (item.kind === "field" && item.aggregate !== null);
}

function planEmbed(planning: Planning, origin: Table, item: SelectEmbed, above: Place): EmbedNode {
  const { schema, schemaName } = planning;
  const relationship = findRelationship(schema, schemaName, origin, item.name, item.hint);
  const key = keyOf(item);
  const { cardinality } = relationship;
  const isToOne = cardinality === "many-to-one" || cardinality === "one-to-one";
  const mode = !item.isSpread ? "value" : isToOne ? "spread one" : "spread many";
  const place = { ...above, path: [...above.path, key], mode } as const;
  const { node, outputs } = planNode(planning, relationship.target, item.items, place);
  return {
    key,
    relationship,
    isToOne,
    inner: item.join === "inner",
    spread: item.isSpread ? spreadColumns(outputs, node.embeds) : null,
    isHidden: !item.isSpread && isHidden(item),
    node,
  };
}

/** `client()`: neither columns nor anything but such below. */
function isHidden(item: SelectEmbed): boolean {
  return item.items.every((below) => below.kind === "embed" && isHidden(below));
}

/** Every table that a plan reads. What a function over the row returns is its author's word. */
export function tablesOf(node: ReadNode): Table[] {
  return [node.table, ...node.embeds.flatMap(embeddedTables)];
}

function embeddedTables({ relationship: r, node }: EmbedNode): Table[] {
  if (r.kind === "computed") return node.embeds.flatMap(embeddedTables);
  return r.junction ? [...tablesOf(node), r.junction.table] : tablesOf(node);
}

/**
 * Columns of the root that its answer is made of, for a root that is no table (rows that were
 * written); null = all.
 */
export function columnsNeeded(node: ReadNode): Set<string> | null {
  const names = new Set<string>();
  for (const output of node.fields) {
    if (output.kind === "star") return null;
    if (output.kind === "field") names.add(output.field.name);
  }
  for (const { relation, field } of node.order) if (relation === null) names.add(field.name);
  for (const { relationship } of node.embeds) {
    // A function over the row may need any column of it.
    if (relationship.kind === "computed") return null;
    for (const column of relationship.originColumns) names.add(column);
  }
  return names;
}
