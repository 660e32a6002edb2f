/** The system catalogue as the stores read it: what `build-schema.ts` makes a `Schema` of. */
import type { FunctionParameter } from "./schema.ts";

export interface ColumnRow {
  name: string;
  position: number;
  type: string;
  base_type: string;
  domain: string | null;
  default_sql: string | null;
  nullable: boolean;
  description: string | null;
  max_length: number | null;
  enum_values: string[] | null;
  /** pg_attribute.attgenerated, attidentity. */
  generated: string;
  identity: string;
}

export interface TableRow {
  oid: number;
  schema: string;
  name: string;
  /** pg_class.relkind. */
  kind: string;
  columns: ColumnRow[];
  /** Bits of `pg_relation_is_updatable`. */
  updatable: number;
  is_protected: boolean;
  /** For a view that runs as its caller: the statement that guards the table it lays open. */
  exposed_through: string | null;
  description: string | null;
  /** Or had them once: PostgreSQL keeps pg_class.relhassubclass a while. */
  has_heirs: boolean;
}

/** A primary key or unique constraint of any table, exposed or not. */
export interface KeyRow {
  table_oid: number;
  /** pg_constraint.contype: p, u. */
  kind: string;
  /** Attribute numbers in key order. */
  columns: number[];
}

/** A foreign key between any two tables, exposed or not. */
export interface ForeignKeyRow {
  name: string;
  table_oid: number;
  target_oid: number;
  columns: number[];
  target_columns: number[];
}

/** The rule that makes a view: `pg_rewrite.ev_action` as text. */
export interface ViewRuleRow {
  view_oid: number;
  action: string;
}

/** A function over one row of a relation that returns rows of a relation. */
export interface ComputedRow {
  schema: string;
  name: string;
  table_oid: number;
  target_oid: number;
  is_single: boolean;
}

export interface FunctionRow {
  schema: string;
  name: string;
  description: string | null;
  parameters: FunctionParameter[];
  returns_set: boolean;
  returns_composite: boolean;
  /** pg_class oid of the row type, 0 when the result is no row of a relation. */
  returns_oid: number;
  returns_void: boolean;
  return_type: string;
  returns_binary: boolean;
  out_columns: { name: string; type: string }[];
  volatility: string;
  /** pg_proc.proconfig. */
  settings: string[];
  media_type: string | null;
}

export interface RepresentationRow {
  source: string;
  target: string;
  function: string;
}

export interface MediaHandlerRow {
  schema: string;
  name: string;
  media_type: string;
  is_binary: boolean;
  /** Null for `anyelement`. */
  target_schema: string | null;
  target_name: string | null;
}

export interface RoleRow {
  name: string;
  bypass_rls: boolean;
  /** `name=value`, those of this database after those of all. */
  settings: string[];
}

export interface CatalogRows {
  tables: readonly TableRow[];
  keys: readonly KeyRow[];
  foreignKeys: readonly ForeignKeyRow[];
  viewRules: readonly ViewRuleRow[];
  computed: readonly ComputedRow[];
  functions: readonly FunctionRow[];
  representations: readonly RepresentationRow[];
  mediaHandlers: readonly MediaHandlerRow[];
  timezones: readonly string[];
  hasPostgis: boolean;
  roles: readonly RoleRow[];
  /** Comments by exposed schema. */
  descriptions: readonly (readonly [schema: string, description: string])[];
  /** What might look at a request's settings; null: cannot be known. */
  code: DatabaseCode | null;
}

/** Bodies of functions, and expressions. */
export interface DatabaseCode {
  /** Of functions that nothing but triggers can call. */
  readonly ofTriggers: readonly string[];
  readonly others: readonly string[];
  /**
   * Reads may share a transaction as far as this says: every role may call `set_config`, which settings
   * made behind another caller's need, and no table is made of others, of which each read would lock its
   * own, in an order that no read alone has.
   */
  readonly mayShare: boolean;
}
