/**
 * What is known of one tenant's database: an immutable value, replaced whole when the schema
 * changes. Requests hold on to the value they began with. Type names are as `format_type` prints
 * them with an empty search_path: complete and quoted by Postgres.
 */

export interface Column {
  readonly name: string;
  /** With its length or precision: `character varying(20)`, `public.color`. */
  readonly type: string;
  /** The type below all domains, `pg_catalog` names unqualified: `jsonb`, `text[]`, `tsvector`. */
  readonly baseType: string;
  /** The domain that the column is declared with; key of `Schema.representations`. */
  readonly domain: string | null;
  /**
   * Default expression as SQL, from the column, its domain or its `by default` identity; null when
   * there is none or it may not be written.
   */
  readonly defaultSql: string | null;
  readonly nullable: boolean;
  readonly description: string | null;
  /** Characters at most (`varchar(20)`), or bits. */
  readonly maxLength: number | null;
  /** Labels in order, when the type below all domains is an enum. */
  readonly enumValues: readonly string[];
  /** `pg_attribute.attnum`: grows in the order of `*`, with gaps. */
  readonly position: number;
  readonly generated: "always" | "identity always" | "identity default" | null;
}

export type TableKind =
  | "table"
  | "view"
  | "materialized view"
  | "foreign table"
  | "partitioned table";

/** An exposed relation. Partitions are not: they stay behind their parent. */
export interface Table {
  /** Dense number within one Schema value; part of the SQL cache's key. */
  readonly index: number;
  readonly schema: string;
  readonly name: string;
  readonly kind: TableKind;
  readonly columns: ReadonlyMap<string, Column>;
  /** In key order; a view's is that of the tables under it, where it shows all of a key. */
  readonly primaryKey: readonly string[];
  readonly insertable: boolean;
  readonly updatable: boolean;
  readonly deletable: boolean;
  /** Rows are subject to the caller's policies: RLS enabled, or a view with security_invoker over such. */
  readonly isProtected: boolean;
  /** The statement that guards a table under this view; null when the view itself is the matter. */
  readonly exposedThrough: string | null;
  readonly description: string | null;
  /** Tables inherit from it, whose rows its keys do not know: one key may name several. */
  readonly hasHeirs: boolean;
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

/** A way from `origin` to `target` by foreign keys of theirs or of the tables under them. */
export interface ForeignKeyRelationship {
  readonly kind: "foreign key";
  readonly origin: Table;
  readonly target: Table;
  readonly cardinality: Cardinality;
  /** Name of the foreign key; the junction's table name for many-to-many. */
  readonly constraint: string;
  /** Parallel to `targetColumns`, but for many-to-many, where the junction is between. */
  readonly originColumns: readonly string[];
  readonly targetColumns: readonly string[];
  /** The foreign key stands on the origin's side. */
  readonly isOutgoing: boolean;
  readonly junction: Junction | null;
}

/** A function over the origin's row that gives rows of the target. */
export interface ComputedRelationship {
  readonly kind: "computed";
  readonly origin: Table;
  readonly target: Table;
  readonly cardinality: "many-to-one" | "one-to-many";
  readonly function: { readonly schema: string; readonly name: string };
}

export type Relationship = ForeignKeyRelationship | ComputedRelationship;

export interface FunctionParameter {
  /** Empty for the one unnamed parameter of a function that takes the body as it is. */
  readonly name: string;
  readonly type: string;
  /** `type`, but for types whose cast would cut a value to one character or bit. */
  readonly castType: string;
  readonly required: boolean;
  readonly variadic: boolean;
}

/** `[name, value]` of a `set` clause. */
export type Setting = readonly [name: string, value: string];

/** A function that a request can call: its parameters are named, or it has one that takes the body. */
export interface DatabaseFunction {
  readonly schema: string;
  readonly name: string;
  readonly description: string | null;
  readonly parameters: readonly FunctionParameter[];
  /** `set`, `table`, `setof row` give many rows. */
  readonly returnsSet: boolean;
  /** The result is a row with known columns: a composite type, a table, or OUT parameters. */
  readonly returnsComposite: boolean;
  /** The exposed table whose rows it returns, or null. */
  readonly returnsTable: Table | null;
  readonly returnsVoid: boolean;
  readonly returnType: string;
  /** The type below all domains is bytea. */
  readonly returnsBinary: boolean;
  /** OUT, INOUT and TABLE columns in order; empty when the type alone says what is returned. */
  readonly outColumns: readonly { readonly name: string; readonly type: string }[];
  readonly volatility: "volatile" | "stable" | "immutable";
  /** Its `default_transaction_isolation`, lower case. */
  readonly isolation: string | null;
  /** All of its `set` clauses but the isolation. */
  readonly settings: readonly Setting[];
  /** Lower case name of the media type domain it returns, `*\/*` included, or null. */
  readonly mediaType: string | null;
}

/** An aggregate that makes a whole answer of rows (docs.postgrest.org, "Media Type Handlers"). */
export interface MediaHandler {
  readonly schema: string;
  readonly name: string;
  /** Key of `Schema.mediaHandlers`: lower case domain name, `*\/*` included. */
  readonly mediaType: string;
  /** `Content-Type` unless the aggregate sets one: `application/octet-stream` for `*\/*`. */
  readonly contentType: string;
  /** The domain is over bytea. */
  readonly isBinary: boolean;
  /** The relation whose row type it takes; null = `anyelement`. */
  readonly target: { readonly schema: string; readonly name: string } | null;
}

/** A role that requests may run as. */
export interface RoleFacts {
  /** Row level security does not bind it: BYPASSRLS or superuser. */
  readonly bypassRls: boolean;
  /** Its `default_transaction_isolation`, lower case. */
  readonly isolation: string | null;
  /** Its other `alter role … set` that the login role may set; those of this database win. */
  readonly settings: readonly Setting[];
}

export interface Schema {
  /** Grows with every load in this process. */
  readonly version: number;
  readonly tables: ReadonlyMap<string, Table>;
  /** By `tableKey` of the origin. */
  readonly relationships: ReadonlyMap<string, readonly Relationship[]>;
  /** By `tableKey`; overloads in one list, those with fewer parameters first. */
  readonly functions: ReadonlyMap<string, readonly DatabaseFunction[]>;
  /** By `representationKey`: the function that turns a domain into json or text, or text or json into it. */
  readonly representations: ReadonlyMap<string, string>;
  /** By `mediaHandlerKey`. */
  readonly mediaHandlers: ReadonlyMap<string, MediaHandler>;
  readonly timezones: ReadonlySet<string>;
  /** Rows can be answered as GeoJSON. */
  readonly hasPostgis: boolean;
  /** Roles that the login role may become, itself included. */
  readonly roles: ReadonlyMap<string, RoleFacts>;
  /** Comments on the exposed schemas. */
  readonly descriptions: ReadonlyMap<string, string>;
  /** Settings of a request that code in the database may look at, and of the answer that it may set. */
  readonly observed: ReadonlySet<string>;
  /**
   * Reads may share a transaction: no code leaves in it what another would find, whoever asks may make
   * settings, and no table is locked by parts.
   */
  readonly sharesTransactions: boolean;
}

/** Injective: schema names cannot hold NUL. */
export function tableKey(schema: string, name: string): string {
  return `${schema}\0${name}`;
}

/** @param source @param target `json`, `text` or `Column.domain`. */
export function representationKey(source: string, target: string): string {
  return `${source}\0${target}`;
}

/** @param target null = any relation. */
export function mediaHandlerKey(
  mediaType: string,
  target: { readonly schema: string; readonly name: string } | null,
): string {
  return `${mediaType}\0${target === null ? "" : tableKey(target.schema, target.name)}`;
}

export function isView(table: Table): boolean {
  return table.kind === "view" || table.kind === "materialized view";
}
