/**
 * Which relationship an embedded resource means. Rules: docs.postgrest.org, "Resource Embedding",
 * in particular "Foreign Key Joins on Multiple Foreign Key Relationships" and "Recursive".
 */
import { errors } from "../errors.ts";
import {
  type ForeignKeyRelationship,
  isView,
  type Relationship,
  type Schema,
  type Table,
  tableKey,
} from "../schema/schema.ts";
import { nearestName } from "./nearest.ts";

/**
 * @param schemaName the request's schema: what is embedded belongs to it, but for what a function
 *   of it returns.
 * @param name what stands in `select`.
 * @param hint what follows `!`, or null.
 */
export function findRelationship(
  schema: Schema,
  schemaName: string,
  origin: Table,
  name: string,
  hint: string | null,
): Relationship {
  const all = schema.relationships.get(tableKey(origin.schema, origin.name)) ?? [];
  const known = all.filter((r) => schemaOf(r) === schemaName);
  const found = known.filter((r) => means(r, name, hint));
  const [first] = found;
  if (first && found.length === 1) return first;
  if (first) throw ambiguous(origin, name, found);
  throw notFound(schema, schemaName, origin, name, hint, known);
}

function schemaOf(r: Relationship): string {
  return r.kind === "computed" ? r.function.schema : r.target.schema;
}

function means(r: Relationship, name: string, hint: string | null): boolean {
  if (r.kind === "computed") return r.function.name === name;
  if (r.origin === r.target) return meansItself(r, name, hint);
  return hint === null ? matchesName(r, name) : r.target.name === name && matchesHint(r, hint);
}

/** A self reference by table name reads downwards, by its column upwards. */
function meansItself(r: ForeignKeyRelationship, name: string, hint: string | null): boolean {
  if (r.cardinality === "many-to-one") return hint === null && isSingle(r.originColumns, name);
  if (r.cardinality !== "one-to-many" || r.target.name !== name) return false;
  return hint === null || isSingle(r.targetColumns, hint);
}

/** A table, or what leads to one: the key's constraint or its one column on the origin's side. */
function matchesName(r: ForeignKeyRelationship, name: string): boolean {
  if (r.target.name === name) return true;
  if (r.junction || isView(r.target)) return false;
  return r.constraint === name || isSingle(r.originColumns, name);
}

function matchesHint(r: ForeignKeyRelationship, hint: string): boolean {
  if (r.junction) return r.junction.table.name === hint;
  const byColumn = isSingle(r.originColumns, hint) || isSingle(r.targetColumns, hint);
  return r.constraint === hint || byColumn;
}

function isSingle(columns: readonly string[], name: string): boolean {
  return columns.length === 1 && columns[0] === name;
}

function ambiguous(origin: Table, name: string, found: readonly Relationship[]) {
  const keys = found.filter((r) => r.kind === "foreign key");
  const tries = keys.map((r) => `${r.target.name}!${r.constraint}`);
  return errors.PGRST201(origin.name, name, keys.map(describe), tries);
}

function describe(r: ForeignKeyRelationship): object {
  const list = (columns: readonly string[]) => `(${columns.join(", ")})`;
  const relationship = r.junction
    ? `${r.junction.table.name} using ${r.junction.sourceConstraint}${list(r.junction.sourceColumns)} and ${r.junction.targetConstraint}${list(r.junction.targetColumns)}`
    : `${r.constraint} using ${r.origin.name}${list(r.originColumns)} and ${r.target.name}${list(r.targetColumns)}`;
  return {
    cardinality: r.cardinality,
    embedding: `${r.origin.name} with ${r.target.name}`,
    relationship,
  };
}

function notFound(
  schema: Schema,
  schemaName: string,
  origin: Table,
  name: string,
  hint: string | null,
  known: readonly Relationship[],
) {
  const targets = known.map((r) => r.target.name);
  const parents = [...schema.relationships.values()].flatMap((list) =>
    list.filter((r) => r.origin.schema === schemaName).map((r) => r.origin.name),
  );
  const nearest =
    known.length > 0 ? nearestName(name, targets, 0.33) : nearestName(origin.name, parents, 0.33);
  const instead = known.length > 0 ? name : origin.name;
  const meant =
    nearest === null || nearest === instead
      ? null
      : `Perhaps you meant '${nearest}' instead of '${instead}'.`;
  return errors.PGRST200(origin.name, name, hint, schemaName, meant);
}
