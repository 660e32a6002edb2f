/**
 * Which relationship an embedded resource means. Rules: docs.postgrest.org, "Resource Embedding",
 * in particular "Foreign Key Joins on Multiple Foreign Key Relationships" and "Recursive".
 */
import { errors } from "../errors.ts";
import { type Relationship, type Schema, type Table, tableKey } from "../schema/schema.ts";
import { nearestName } from "./nearest.ts";

/** @param name what stands in `select`; @param hint what follows `!`, or null. */
export function findRelationship(
  schema: Schema,
  origin: Table,
  name: string,
  hint: string | null,
): Relationship {
  const all = schema.relationships.get(tableKey(origin.schema, origin.name)) ?? [];
  const inSchema = all.filter((r) => r.target.schema === origin.schema);
  const found = inSchema.filter((r) =>
    hint === null ? matchesName(r, name) : matchesHint(r, name, hint),
  );
  const [first] = found;
  if (first && found.length === 1) return first;
  if (first) throw ambiguous(origin, name, found);
  throw notFound(schema, origin, name, hint, inSchema);
}

function matchesName(r: Relationship, name: string): boolean {
  const isSelf = r.origin === r.target;
  // A self reference by table name reads downwards; upwards is named by its column or constraint.
  if (r.target.name === name && !(isSelf && r.isOutgoing)) return true;
  return r.isOutgoing && (r.constraint === name || isSingle(r.originColumns, name));
}

function matchesHint(r: Relationship, name: string, hint: string): boolean {
  if (r.target.name !== name) return false;
  if (r.junction) return r.junction.table.name === hint;
  if (r.constraint === hint) return !(r.origin === r.target && r.isOutgoing && hasTwin(r));
  const isSelf = r.origin === r.target;
  return isSingle(r.originColumns, hint)
    ? r.isOutgoing || !isSelf
    : isSingle(r.targetColumns, hint) && (!r.isOutgoing || !isSelf);
}

/** A self reference has both directions under one constraint: the hint then reads downwards. */
function hasTwin(r: Relationship): boolean {
  return r.cardinality === "many-to-one";
}

function isSingle(columns: readonly string[], name: string): boolean {
  return columns.length === 1 && columns[0] === name;
}

function ambiguous(origin: Table, name: string, found: readonly Relationship[]) {
  const tries = found.map((r) => r.constraint);
  return errors.PGRST201(origin.name, name, found.map(describe), tries);
}

function describe(r: Relationship): object {
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
  origin: Table,
  name: string,
  hint: string | null,
  known: readonly Relationship[],
) {
  const targets = known.map((r) => r.target.name);
  const parents = [...schema.relationships.values()].flatMap((list) =>
    list.filter((r) => r.origin.schema === origin.schema).map((r) => r.origin.name),
  );
  const nearest =
    known.length > 0 ? nearestName(name, targets, 0.33) : nearestName(origin.name, parents, 0.33);
  const instead = known.length > 0 ? name : origin.name;
  const meant =
    nearest === null || nearest === instead
      ? null
      : `Perhaps you meant '${nearest}' instead of '${instead}'.`;
  return errors.PGRST200(origin.name, name, hint, origin.schema, meant);
}
