/**
 * A query tree joined with the schema: every embedded resource has its relationship, every level its
 * filters, every column what is known of it. What the compiler needs and nothing it has to look up.
 */
import type { AggregateName, Field, Operation, OrderTerm, Slot } from "../parse/tree.ts";
import type { Relationship, Table } from "../schema/schema.ts";

/** A column, perhaps one that only Postgres knows (a function over the row), and a path into it. */
export interface PlannedField extends Field {
  /** JSON by itself: a path needs no conversion. */
  readonly isJson: boolean;
}

export interface PlannedFilter {
  readonly kind: "filter";
  readonly field: PlannedField;
  readonly negated: boolean;
  readonly operation: Operation;
  /** SQL of the function that reads the column's domain from text, or null. */
  readonly parser: string | null;
  /** Full-text search makes a vector of the field. */
  readonly toVector: boolean;
}

/** Whether anything is embedded under a key. */
export interface PlannedPresence {
  readonly kind: "presence";
  readonly key: string;
  readonly isNull: boolean;
}

export interface PlannedLogic {
  readonly kind: "logic";
  readonly op: "and" | "or";
  readonly negated: boolean;
  readonly children: readonly PlannedCondition[];
}

export type PlannedCondition = PlannedFilter | PlannedPresence | PlannedLogic;

export interface PlannedOrder extends Omit<OrderTerm, "field"> {
  /** Of the level, or of the one row embedded under `relation`. */
  readonly field: PlannedField;
}

/** `*`: every column that the caller's SELECT gives, also one that the cache does not know yet. */
export interface OutputStar {
  readonly kind: "star";
}

export interface OutputField {
  readonly kind: "field";
  readonly field: PlannedField;
  /** In the answer. */
  readonly name: string;
  /** SQL of the function that writes the column's domain as JSON, or null. */
  readonly formatter: string | null;
  readonly cast: string | null;
  readonly aggregate: AggregateName | null;
  readonly aggregateCast: string | null;
}

/** How many rows there are. */
export interface OutputCount {
  readonly kind: "count";
  readonly name: string;
  readonly cast: string | null;
}

/** Something of every row, for a level above that counts them. */
export interface OutputRow {
  readonly kind: "row";
  readonly name: string;
}

export type Output = OutputStar | OutputField | OutputCount | OutputRow;

/** A column of an embedded level that the level above shows as its own. */
export interface SpreadColumn {
  /** Name in the embedded level. */
  readonly column: string;
  /** In the answer. */
  readonly name: string;
  readonly aggregate: AggregateName | null;
  readonly aggregateCast: string | null;
}

export interface ReadNode {
  readonly table: Table;
  /** Columns in the order asked for. */
  readonly fields: readonly Output[];
  readonly embeds: readonly EmbedNode[];
  readonly where: readonly PlannedCondition[];
  readonly order: readonly PlannedOrder[];
  readonly limit: Slot | null;
  readonly offset: Slot | null;
  /** Something is aggregated: rows are grouped by all that is not. */
  readonly isGrouped: boolean;
}

/** The root, and what to tell who asked. */
export interface ReadPlan extends ReadNode {
  /** Value of the header `Warning`. */
  readonly warning: string | null;
}

export interface EmbedNode {
  /** Name in the answer, and in filter paths. */
  readonly key: string;
  readonly relationship: Relationship;
  readonly isToOne: boolean;
  readonly inner: boolean;
  /** Not a value of its own but columns of the level above; null = a value. */
  readonly spread: readonly SpreadColumn[] | null;
  /** Only filters: neither it nor anything below it is shown. */
  readonly isHidden: boolean;
  readonly node: ReadNode;
}
