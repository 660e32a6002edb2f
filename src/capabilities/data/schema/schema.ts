/**
 * What is known of one tenant's database: an immutable value, replaced whole when the schema
 * changes. Requests hold on to the value they began with.
 */

export interface Column {
  readonly name: string;
  /** As `format_type` prints it with an empty search_path: complete and quoted by Postgres. */
  readonly type: string;
  /** The type below a domain, `pg_catalog` names unqualified: `jsonb`, `text[]`, `tsvector`. */
  readonly baseType: string;
  /** Default expression as SQL, from the catalogue; null when there is none. */
  readonly defaultSql: string | null;
  readonly nullable: boolean;
}

export type TableKind =
  | "table"
  | "view"
  | "materialized view"
  | "foreign table"
  | "partitioned table";

export interface Table {
  /** Dense number within one Schema value; part of the SQL cache's key. */
  readonly index: number;
  readonly schema: string;
  readonly name: string;
  readonly kind: TableKind;
  readonly columns: ReadonlyMap<string, Column>;
  /** In key order; empty without a primary key. */
  readonly primaryKey: readonly string[];
  readonly insertable: boolean;
  readonly updatable: boolean;
  readonly deletable: boolean;
  /** Rows are subject to the caller's policies: RLS enabled, or a view with security_invoker over such. */
  readonly isProtected: boolean;
  /** The statement that guards a table under this view; null when the view itself is the matter. */
  readonly exposedThrough: string | null;
}

export type Cardinality = "many-to-one" | "one-to-many" | "one-to-one" | "many-to-many";

export interface Junction {
  readonly table: Table;
  readonly sourceConstraint: string;
  readonly targetConstraint: string;
  /** Columns of the junction that refer to the origin and to the target. */
  readonly sourceColumns: readonly string[];
  readonly targetColumns: readonly string[];
}

/** A way from `origin` to `target`. Column lists are parallel. */
export interface Relationship {
  readonly origin: Table;
  readonly target: Table;
  readonly cardinality: Cardinality;
  /** Name of the foreign key; the junction's table name for many-to-many. */
  readonly constraint: string;
  readonly originColumns: readonly string[];
  readonly targetColumns: readonly string[];
  /** The foreign key stands on the origin's side. */
  readonly isOutgoing: boolean;
  readonly junction: Junction | null;
}

export interface FunctionParameter {
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
  readonly variadic: boolean;
}

export interface DatabaseFunction {
  readonly schema: string;
  readonly name: string;
  readonly parameters: readonly FunctionParameter[];
  /** `set`, `table`, `setof row` give many rows. */
  readonly returnsSet: boolean;
  /** The result is a row (composite type, table, or several OUT parameters). */
  readonly returnsComposite: boolean;
  /** The exposed table whose rows it returns, or null. */
  readonly returnsTable: Table | null;
  readonly returnsVoid: boolean;
  readonly volatility: "volatile" | "stable" | "immutable";
}

export interface Schema {
  /** Grows with every load in this process. */
  readonly version: number;
  readonly tables: ReadonlyMap<string, Table>;
  /** By `tableKey` of the origin. */
  readonly relationships: ReadonlyMap<string, readonly Relationship[]>;
  /** By `tableKey`; overloads in one list. */
  readonly functions: ReadonlyMap<string, readonly DatabaseFunction[]>;
  /** Roles that row level security does not bind. */
  readonly bypassRoles: ReadonlySet<string>;
}

/** Injective: schema names cannot hold NUL. */
export function tableKey(schema: string, name: string): string {
  return `${schema}\0${name}`;
}
