import type { TransactionSql } from "postgres";
import type { TenantCtx } from "../tenant.ts";

/** Something that happened, written in the transaction that made it happen. */
export interface NewEvent {
  /** `<area>.<what>`, e.g. `auth.user_created`. */
  readonly type: string;
  /** What it is about: a user id, a function name. <= 512 characters. */
  readonly subject: string;
  /** JSON-serialisable, <= 256 KiB. */
  readonly data: unknown;
}

export interface StoredEvent extends NewEvent {
  /** Grows; an event becomes readable only when no smaller id can still commit. */
  readonly id: bigint;
  /** ISO 8601, UTC. */
  readonly at: string;
}

/** The transactional outbox: at least once, in id order, by named cursor. */
export interface Events {
  /** Appends inside the caller's transaction (Postgres) or at once (memory, `tx` null). */
  append(tenant: TenantCtx, tx: TransactionSql | null, events: readonly NewEvent[]): Promise<void>;
  /** Events after the cursor's position, oldest first, at most `limit` (<= 1,000). Does not move the cursor. */
  read(tenant: TenantCtx, cursor: string, limit: number): Promise<StoredEvent[]>;
  /** Moves the cursor to `id`; never backwards. */
  commit(tenant: TenantCtx, cursor: string, id: bigint): Promise<void>;
  /** Removes a cursor that will not be used again: it would hold `trim` back for ever. */
  forget(tenant: TenantCtx, cursor: string): Promise<void>;
  /** Drops events older than `olderThanMs` that every cursor has passed; the count dropped. */
  trim(tenant: TenantCtx, olderThanMs: number): Promise<number>;
}
