/**
 * The ways between exposed relations: foreign keys, seen from both ends, also by views that show
 * all columns of a key; junctions, which join what two of their keys refer to; functions over rows.
 * Rules: docs.postgrest.org, "Resource Embedding".
 */
import type { CatalogRows, ForeignKeyRow, KeyRow } from "./catalog-rows.ts";
import { type ForeignKeyRelationship, type Relationship, type Table, tableKey } from "./schema.ts";
import type { ViewColumns } from "./view-columns.ts";

/** Relations by oid; a key's columns are attribute numbers. */
export interface Relations {
  readonly exposed: ReadonlyMap<number, Table>;
  /** Column names of exposed relations by oid and attribute number. */
  readonly names: ReadonlyMap<number, ReadonlyMap<number, string>>;
  readonly views: ViewColumns;
}

export function buildRelationships(
  rows: CatalogRows,
  relations: Relations,
): Map<string, Relationship[]> {
  const direct = directKeys(rows, relations);
  const detected = [...direct, ...direct.map(invert), ...throughJunctions(direct)];
  const computed = rows.computed.flatMap((row): Relationship[] => {
    const origin = relations.exposed.get(row.table_oid);
    const target = relations.exposed.get(row.target_oid);
    if (!origin || !target) return [];
    const cardinality = row.is_single ? "many-to-one" : "one-to-many";
    const { schema, name } = row;
    return [{ kind: "computed", origin, target, cardinality, function: { schema, name } }];
  });
  const own = new Set(
    computed.map((r) => (r.kind === "computed" ? overrideKey(r.origin, r.function) : "")),
  );
  const kept = detected.filter((r) => !own.has(overrideKey(r.origin, r.target)));
  const all = [...inOrder(kept), ...computed];
  return Map.groupBy(all, (r) => tableKey(r.origin.schema, r.origin.name));
}

const ORDER = ["one-to-many", "many-to-one", "one-to-one", "many-to-many"];

/** The order in which an ambiguous embedding lists its choices. */
function inOrder(relationships: readonly ForeignKeyRelationship[]): ForeignKeyRelationship[] {
  const keyed = relationships.map((r) => ({ r, key: sortKey(r) }));
  keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return keyed.map(({ r }) => r);
}

function sortKey(r: ForeignKeyRelationship): string {
  const { sourceConstraint = "", targetConstraint = "" } = r.junction ?? {};
  const columns = [...r.originColumns, "", ...r.targetColumns];
  const place = ORDER.indexOf(r.cardinality);
  return [r.target.name, place, r.constraint, sourceConstraint, targetConstraint, ...columns].join(
    "\0",
  );
}

/** A function named as a related table takes the place of what is detected between the two. */
function overrideKey(origin: Table, target: { readonly schema: string; readonly name: string }) {
  return `${tableKey(origin.schema, origin.name)}\0${tableKey(target.schema, target.name)}`;
}

/** One end of a foreign key: the table itself, or a view that shows all of the key's columns. */
interface End {
  readonly table: Table;
  readonly columns: readonly string[];
}

/** Every foreign key from the side it stands on, between tables and the views over them. */
function directKeys(rows: CatalogRows, relations: Relations): ForeignKeyRelationship[] {
  const unique = Map.groupBy(rows.keys, (key) => key.table_oid);
  return rows.foreignKeys.flatMap((fk) => {
    const origins = endsOf(fk.table_oid, fk.columns, relations);
    const targets = origins.length === 0 ? [] : endsOf(fk.target_oid, fk.target_columns, relations);
    const isSingle = isUnique(fk, unique.get(fk.table_oid) ?? []);
    return origins.flatMap((origin) =>
      targets.map(
        (target): ForeignKeyRelationship => ({
          kind: "foreign key",
          origin: origin.table,
          target: target.table,
          cardinality: isSingle ? "one-to-one" : "many-to-one",
          constraint: fk.name,
          originColumns: origin.columns,
          targetColumns: target.columns,
          isOutgoing: true,
          junction: null,
        }),
      ),
    );
  });
}

function endsOf(oid: number, columns: readonly number[], relations: Relations): End[] {
  const ends: End[] = [];
  const table = relations.exposed.get(oid);
  if (table)
    ends.push({ table, columns: columns.map((c) => relations.names.get(oid)?.get(c) ?? "") });
  for (const { view, columns: shown } of relations.views.showing(oid, columns)) {
    const over = relations.exposed.get(view);
    if (over) ends.push({ table: over, columns: shown });
  }
  return ends;
}

/** The referring columns are a key of their own table: at most one row refers to each target. */
function isUnique(fk: ForeignKeyRow, keys: readonly KeyRow[]): boolean {
  const own = new Set(fk.columns);
  return keys.some((k) => k.columns.length === own.size && k.columns.every((c) => own.has(c)));
}

function invert(r: ForeignKeyRelationship): ForeignKeyRelationship {
  return {
    ...r,
    origin: r.target,
    target: r.origin,
    cardinality: r.cardinality === "many-to-one" ? "one-to-many" : r.cardinality,
    originColumns: r.targetColumns,
    targetColumns: r.originColumns,
    isOutgoing: false,
  };
}

/** A table whose primary key holds the columns of two of its foreign keys joins their targets. */
function throughJunctions(direct: readonly ForeignKeyRelationship[]): ForeignKeyRelationship[] {
  const found: ForeignKeyRelationship[] = [];
  const keys = direct.filter((r) => r.cardinality === "many-to-one");
  for (const [table, own] of Map.groupBy(keys, (r) => r.origin)) {
    const inKey = own.filter((k) => k.originColumns.every((c) => table.primaryKey.includes(c)));
    for (const source of inKey) {
      for (const target of inKey)
        if (source.constraint !== target.constraint) found.push(junction(table, source, target));
    }
  }
  return found;
}

function junction(
  table: Table,
  source: ForeignKeyRelationship,
  target: ForeignKeyRelationship,
): ForeignKeyRelationship {
  return {
    kind: "foreign key",
    origin: source.target,
    target: target.target,
    cardinality: "many-to-many",
    constraint: table.name,
    originColumns: source.targetColumns,
    targetColumns: target.targetColumns,
    isOutgoing: false,
    junction: {
      table,
      sourceConstraint: source.constraint,
      targetConstraint: target.constraint,
      sourceColumns: source.originColumns,
      targetColumns: target.originColumns,
    },
  };
}
