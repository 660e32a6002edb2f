/**
 * A query tree joined with the schema: every embedded resource has its relationship, every level its
 * filters. What the compiler needs and nothing it has to look up.
 */
import type { Condition, OrderTerm, SelectField, SelectStar, Slot } from "../parse/tree.ts";
import type { Relationship, Table } from "../schema/schema.ts";

export interface ReadNode {
  readonly table: Table;
  /** Columns in the order asked for. */
  readonly fields: readonly (SelectField | SelectStar)[];
  readonly embeds: readonly EmbedNode[];
  readonly where: readonly Condition[];
  readonly order: readonly OrderTerm[];
  readonly limit: Slot | null;
  readonly offset: Slot | null;
}

export interface EmbedNode {
  /** Name in the answer, and in filter paths. */
  readonly key: string;
  readonly relationship: Relationship;
  readonly isToOne: boolean;
  readonly inner: boolean;
  readonly node: ReadNode;
}
