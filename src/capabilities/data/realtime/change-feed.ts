/**
 * The change feed as its two faces see it, server-sent events and the Phoenix socket: who is
 * interested in which rows, and what reaches them. Row security, column privileges, order and resume
 * are the feed's business, not theirs.
 */
import type { Principal } from "../../../core/ports/auth.ts";
import type { TenantCtx } from "../../../core/tenant.ts";
import type { Condition } from "../parse/tree.ts";

export type ChangeType = "INSERT" | "UPDATE" | "DELETE";

export interface ChangeColumn {
  readonly name: string;
  /** Postgres's name of the type: `int4`, `_text` for an array of text. */
  readonly type: string;
}

/** One row change as one subscriber may see it. */
export interface Change {
  /** Resume position: grows in commit order within the feed; opaque to clients. */
  readonly id: string;
  /** ISO 8601. */
  readonly commitTimestamp: string;
  readonly schema: string;
  readonly table: string;
  readonly type: ChangeType;
  /** Only columns the subscriber's role may select. */
  readonly columns: readonly ChangeColumn[];
  /**
   * JSON object text, values as Postgres's `to_json` renders them, only columns that the
   * subscriber's role may select; null for DELETE.
   */
  readonly record: string | null;
  /**
   * JSON object text: the replica identity, or the whole old row where the identity is full and no
   * row security applies; null for INSERT.
   */
  readonly oldRecord: string | null;
}

/**
 * One condition in the data API's own tree over the row's own columns. Its slots are indices into
 * `values`, so that filters with other values share their SQL. See `parse-row-filter.ts`.
 */
export interface RowFilter {
  readonly condition: Condition;
  readonly values: readonly string[];
}

export interface ChangeInterest {
  readonly principal: Principal;
  readonly schema: string;
  /** null = every exposed table of the schema. */
  readonly table: string | null;
  readonly types: ReadonlySet<ChangeType>;
  /** All of them must hold; empty = every row. */
  readonly filters: readonly RowFilter[];
  /** Only these columns of a row are told; absent or null = all that may be selected. */
  readonly columns?: readonly string[] | null;
}

/** Called one at a time, in commit order. Must not block and must not throw. */
export interface ChangeSink {
  change(change: Change): void;
  /**
   * Changes may be missing between the last one and the next: resume was impossible, the feed was
   * interrupted, the table was truncated. `id` is the position behind the gap.
   */
  gap(reason: string, id: string): void;
  /** The subscription ended by itself (table dropped, token expired). Nothing follows. */
  ended(reason: string): void;
  /**
   * Resolves when more can be taken. Asked between the pieces of a resumed window, which may be large;
   * absent = always. What comes live does not wait: a sink that is too slow closes its subscription.
   */
  ready?(): Promise<void>;
}

export interface ChangeSubscription {
  /** From now on the rows are judged for this principal (a refreshed token). */
  update(principal: Principal): void;
  /** Nothing is called any more. Idempotent. */
  close(): void;
}

export interface ChangeFeed {
  /**
   * Resolves when every change committed from now on will be seen. `after` resumes behind that id or
   * calls `gap()`.
   *
   * @throws PGRST205 no such table; 42501 the role may not select from it, or no row policy guards it;
   *   42703 a filter on a column that is not there; realtime_identity_missing, realtime_unpublished,
   *   realtime_full, realtime_unavailable
   */
  subscribe(
    tenant: TenantCtx,
    interest: ChangeInterest,
    sink: ChangeSink,
    after?: string,
  ): Promise<ChangeSubscription>;
}
