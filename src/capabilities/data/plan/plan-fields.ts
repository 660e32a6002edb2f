/** Columns as a level names them, joined with what the schema knows of them. */
import { errors } from "../errors.ts";
import type {
  Condition,
  Field,
  Filter,
  OrderTerm,
  SelectEmbed,
  SelectField,
  SelectItem,
} from "../parse/tree.ts";
import { representationKey, type Schema, type Table } from "../schema/schema.ts";
import type {
  EmbedNode,
  Output,
  OutputField,
  PlannedCondition,
  PlannedField,
  PlannedOrder,
} from "./read-plan.ts";

export function planField(table: Table, { name, path }: Field): PlannedField {
  const type = table.columns.get(name)?.baseType;
  return { name, path, isJson: type === "json" || type === "jsonb" };
}

/** The function that turns a column's domain into JSON, or is read into it from text; or null. */
function representation(
  schema: Schema,
  table: Table,
  { name, path }: Field,
  way: "as json" | "from text",
): string | null {
  const domain = table.columns.get(name)?.domain;
  if (!domain || path.length > 0) return null;
  const key =
    way === "as json" ? representationKey(domain, "json") : representationKey("text", domain);
  return schema.representations.get(key) ?? null;
}

/** @param expandsStar every column must be named: rows are grouped, or spread. */
export function planOutputs(
  schema: Schema,
  table: Table,
  items: readonly SelectItem[],
  expandsStar: boolean,
): Output[] {
  const namesAll = expandsStar || hasFormatter(schema, table);
  return items.flatMap((item) => planItem(schema, table, item, namesAll));
}

function planItem(schema: Schema, table: Table, item: SelectItem, namesAll: boolean): Output[] {
  switch (item.kind) {
    case "star":
      return namesAll ? everyColumn(schema, table) : [item];
    case "field":
      return [outputField(schema, table, item)];
    case "count":
      return [{ kind: "count", name: item.alias ?? "count", cast: item.cast }];
    case "embed":
      return [];
  }
}

function hasFormatter(schema: Schema, table: Table): boolean {
  if (schema.representations.size === 0) return false;
  return [...table.columns.keys()].some(
    (name) => representation(schema, table, { name, path: [] }, "as json") !== null,
  );
}

function everyColumn(schema: Schema, table: Table): OutputField[] {
  return [...table.columns.keys()].map((name) =>
    outputField(schema, table, {
      kind: "field",
      field: { name, path: [] },
      alias: null,
      cast: null,
      aggregate: null,
      aggregateCast: null,
    }),
  );
}

function outputField(schema: Schema, table: Table, item: SelectField): OutputField {
  const { field, cast, aggregate, aggregateCast } = item;
  return {
    kind: "field",
    field: planField(table, field),
    name: fieldName(item),
    formatter: representation(schema, table, field, "as json"),
    cast,
    aggregate,
    aggregateCast,
  };
}

/** The alias, else the aggregate, else the last key of the path that is a name, else the column. */
function fieldName({ field, alias, aggregate }: SelectField): string {
  const key = field.path.findLast((step) => !step.isIndex);
  return alias ?? aggregate ?? key?.key ?? field.name;
}

export function keyOf(embed: SelectEmbed): string {
  return embed.alias ?? embed.name;
}

/** @param keys of resources embedded at this level. */
export function planCondition(
  schema: Schema,
  table: Table,
  keys: ReadonlySet<string>,
  condition: Condition,
): PlannedCondition {
  if (condition.kind === "filter") return planFilter(schema, table, keys, condition);
  const children = condition.children.map((c) => planCondition(schema, table, keys, c));
  return { ...condition, children };
}

function planFilter(
  schema: Schema,
  table: Table,
  keys: ReadonlySet<string>,
  filter: Filter,
): PlannedCondition {
  const { field, operation, negated } = filter;
  if (field.path.length === 0 && keys.has(field.name)) {
    if (operation.kind === "is" && operation.value === "null")
      return { kind: "presence", key: field.name, isNull: !negated };
    // A column of the same name is meant by everything else.
    if (!table.columns.has(field.name)) {
      if (operation.kind !== "is" || operation.value !== "not_null")
        throw errors.PGRST120(field.name);
      return { kind: "presence", key: field.name, isNull: negated };
    }
  }
  return {
    ...filter,
    field: planField(table, field),
    parser: representation(schema, table, field, "from text"),
    toVector: operation.kind === "fts" && isText(table, field),
  };
}

/** What a path leads to is; of a column that only Postgres knows, nothing is assumed. */
function isText(table: Table, field: Field): boolean {
  if (field.path.length > 0) return true;
  const type = table.columns.get(field.name)?.baseType;
  return type !== undefined && type !== "tsvector";
}

/** `order=client(name)` needs `client` to be embedded, and to be one row. */
export function planOrder(
  table: Table,
  embeds: readonly EmbedNode[],
  term: OrderTerm,
): PlannedOrder {
  if (term.relation === null) return { ...term, field: planField(table, term.field) };
  const embed = embeds.find((e) => e.key === term.relation);
  if (!embed) throw errors.PGRST108(term.relation);
  if (!embed.isToOne) throw errors.PGRST118(table.name, term.relation);
  return { ...term, field: planField(embed.node.table, term.field) };
}
