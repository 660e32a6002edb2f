/**
 * Turns catalogue rows into a `Schema`. Pure: `store.ts` reads the rows, tests write them by hand.
 */
import {
  type Column,
  type DatabaseFunction,
  type FunctionParameter,
  type Relationship,
  type Schema,
  type Table,
  type TableKind,
  tableKey,
} from "./schema.ts";

export interface ColumnRow {
  name: string;
  type: string;
  base_type: string;
  default_sql: string | null;
  nullable: boolean;
}

export interface TableRow {
  oid: number;
  schema: string;
  name: string;
  /** pg_class.relkind. */
  kind: string;
  columns: ColumnRow[];
  primary_key: string[];
  /** Bits of `pg_relation_is_updatable`. */
  updatable: number;
  is_protected: boolean;
  /** For a view that runs as its caller: the statement that guards the table it lays open. */
  exposed_through: string | null;
}

export interface ForeignKeyRow {
  name: string;
  table_oid: number;
  target_oid: number;
  columns: string[];
  target_columns: string[];
  /** The columns are unique in their own table. */
  is_unique: boolean;
}

export interface FunctionRow {
  schema: string;
  name: string;
  parameters: FunctionParameter[];
  returns_set: boolean;
  returns_composite: boolean;
  /** pg_class oid of the row type, 0 when the result is no row of a relation. */
  returns_oid: number;
  returns_void: boolean;
  volatility: string;
}

export interface CatalogRows {
  tables: readonly TableRow[];
  foreignKeys: readonly ForeignKeyRow[];
  functions: readonly FunctionRow[];
  bypassRoles: readonly string[];
}

const KINDS: Readonly<Record<string, TableKind>> = {
  r: "table",
  p: "partitioned table",
  v: "view",
  m: "materialized view",
  f: "foreign table",
};
const INSERT = 8;
const UPDATE = 4;
const DELETE = 16;

export function buildSchema(version: number, rows: CatalogRows): Schema {
  const byOid = new Map(rows.tables.map((row, index) => [row.oid, toTable(row, index)]));
  const tables = new Map([...byOid.values()].map((t) => [tableKey(t.schema, t.name), t]));
  const direct = rows.foreignKeys.flatMap((fk) => directPair(fk, byOid));
  const all = [...direct, ...throughJunctions(direct)];
  const relationships = Map.groupBy(all, (r) => tableKey(r.origin.schema, r.origin.name));
  const functions = Map.groupBy(
    rows.functions.map((f) => toFunction(f, byOid)),
    (f) => tableKey(f.schema, f.name),
  );
  return { version, tables, relationships, functions, bypassRoles: new Set(rows.bypassRoles) };
}

function toTable(row: TableRow, index: number): Table {
  const columns = row.columns.map((c): [string, Column] => [
    c.name,
    {
      name: c.name,
      type: c.type,
      baseType: c.base_type,
      defaultSql: c.default_sql,
      nullable: c.nullable,
    },
  ]);
  return {
    index,
    schema: row.schema,
    name: row.name,
    kind: KINDS[row.kind] ?? "table",
    columns: new Map(columns),
    primaryKey: row.primary_key,
    insertable: (row.updatable & INSERT) !== 0,
    updatable: (row.updatable & UPDATE) !== 0,
    deletable: (row.updatable & DELETE) !== 0,
    isProtected: row.is_protected,
    exposedThrough: row.exposed_through,
  };
}

/** A foreign key read from both ends. Keys to tables that are not exposed lead nowhere. */
function directPair(fk: ForeignKeyRow, byOid: ReadonlyMap<number, Table>): Relationship[] {
  const origin = byOid.get(fk.table_oid);
  const target = byOid.get(fk.target_oid);
  if (!origin || !target) return [];
  const outgoing: Relationship = {
    origin,
    target,
    cardinality: fk.is_unique ? "one-to-one" : "many-to-one",
    constraint: fk.name,
    originColumns: fk.columns,
    targetColumns: fk.target_columns,
    isOutgoing: true,
    junction: null,
  };
  const incoming: Relationship = {
    origin: target,
    target: origin,
    cardinality: fk.is_unique ? "one-to-one" : "one-to-many",
    constraint: fk.name,
    originColumns: fk.target_columns,
    targetColumns: fk.columns,
    isOutgoing: false,
    junction: null,
  };
  return [outgoing, incoming];
}

/**
 * A table whose primary key contains the columns of two of its foreign keys joins their targets
 * (docs.postgrest.org, "Resource Embedding / Many-to-many").
 */
function throughJunctions(direct: readonly Relationship[]): Relationship[] {
  const outgoing = direct.filter((r) => r.isOutgoing);
  const found: Relationship[] = [];
  for (const [table, keys] of Map.groupBy(outgoing, (r) => r.origin)) {
    const inKey = keys.filter((k) => k.originColumns.every((c) => table.primaryKey.includes(c)));
    for (const source of inKey) {
      for (const target of inKey)
        if (source !== target) found.push(junction(table, source, target));
    }
  }
  return found;
}

function junction(table: Table, source: Relationship, target: Relationship): Relationship {
  return {
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

function toFunction(row: FunctionRow, byOid: ReadonlyMap<number, Table>): DatabaseFunction {
  return {
    schema: row.schema,
    name: row.name,
    parameters: row.parameters,
    returnsSet: row.returns_set,
    returnsComposite: row.returns_composite,
    returnsTable: byOid.get(row.returns_oid) ?? null,
    returnsVoid: row.returns_void,
    volatility:
      row.volatility === "i" ? "immutable" : row.volatility === "s" ? "stable" : "volatile",
  };
}
