/** A change as the database tells it, before anybody's rights were asked: never leaves the servers. */
import type { TupleValue } from "../../../../postgres/replication/pgoutput.ts";
import type { ChangeType } from "../change-feed.ts";
import type { Position } from "./position.ts";
import type { TextForm } from "./render-value.ts";

export interface ShapeColumn {
  readonly name: string;
  /** `pg_type.typname`. */
  readonly type: string;
  /** How its text becomes JSON. */
  readonly form: TextForm;
}

/** The table of a change at the time of the change; a partition's is that of its root. */
export interface RowShape {
  readonly schema: string;
  readonly table: string;
  readonly columns: readonly ShapeColumn[];
}

/** In the order of the shape's columns. */
export type RowValues = readonly TupleValue[];

export interface RawChange {
  readonly position: Position;
  /** 32 bits, without its epoch; null when it is known to be over for everybody. */
  readonly xid: number | null;
  /** Milliseconds since 1970. */
  readonly committedAtMs: number;
  /** `GAP`: rows changed in a way that cannot be told row by row (a truncate, a row too large). */
  readonly type: ChangeType | "GAP";
  /** Of a gap; else empty. */
  readonly reason: string;
  readonly shape: RowShape;
  /** Null for DELETE and GAP. */
  readonly row: RowValues | null;
  /** Of the old row: undefined where it is not known. Null when nothing of it is. */
  readonly old: RowValues | null;
  /** About what it takes of memory. */
  readonly sizeBytes: number;
}
