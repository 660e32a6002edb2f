import type { Sql } from "postgres";
import type { TenantCtx } from "../tenant.ts";

/** A parameter in text format, `null` for SQL NULL, or bytes for binary format. */
export type SqlParam = string | null | Uint8Array;

export type Isolation = "read committed" | "repeatable read" | "serializable";

/**
 * One user-scoped query: settings, what runs before, and the statement are one transaction, in one
 * flush. It is implicit unless `isolation` or `rollback` ask for a block. The promise resolves once
 * the transaction has ended as asked: what fails at COMMIT (a deferred constraint) rejects it.
 */
export interface UserQuery {
  /** The role to become; part of the prepared statement's name. */
  readonly role: string;
  /**
   * Settings of the role itself. Made before the role is become: the login may have been granted
   * what the role was not (`grant set on parameter`).
   */
  readonly roleSettings?: readonly (readonly [name: string, value: string])[];
  /** Local settings (`request.jwt.claims`, `request.method`, …) in a fixed order per call site. */
  readonly settings: readonly (readonly [name: string, value: string])[];
  readonly sql: string;
  readonly params: readonly SqlParam[];
  /**
   * Statements without parameters that run after the settings and before `sql`, under the role (a
   * pre-request function). Their rows are not kept; when one fails, `sql` does not run.
   */
  readonly before?: readonly string[];
  /** Runs after `sql` in the same transaction; its rows are `UserResult.after`. */
  readonly after?: { readonly sql: string; readonly params: readonly SqlParam[] };
  /** Default "read committed"; the others run in an explicit transaction block. */
  readonly isolation?: Isolation;
  /**
   * The transaction is rolled back after the result was read and deferred constraints were checked.
   * Default false.
   */
  readonly rollback?: boolean;
  /** Runs the transaction READ ONLY. Default false. */
  readonly readOnly?: boolean;
  /**
   * It may be carried out in one transaction with others of the same `sql` and role that may, which saves
   * PostgreSQL a commit and an answer each, and the settings where they are the same. Each has its own
   * settings and, as transactions are read committed, its own snapshot; one that fails has those behind
   * it run again. Answers come together, and `now()` is when the first began. Only for what is `readOnly`,
   * was quick of late, and runs no code that leaves something in its transaction, as settings or
   * messages: the next would find it, or it would be lost with the next. Default false.
   */
  readonly sharesTransaction?: boolean;
  /** Cancelled after this; default the pool's `statement_timeout_ms`. Error SQLSTATE 57014. */
  readonly timeoutMs?: number;
  /** Sends a cancel request when aborted while running; removes it from the queue while waiting. */
  readonly signal?: AbortSignal;
}

/** Columns in text format. Values are views that stay valid as long as they are referenced. */
export interface UserResult {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (Uint8Array | null)[])[];
  /** Rows of `UserQuery.after`; empty without it. */
  readonly after: readonly (readonly (Uint8Array | null)[])[];
  /** The command tag, e.g. `SELECT 3`. */
  readonly tag: string;
}

export interface PoolStats {
  /** Connections at most. */
  readonly limit: number;
  readonly connections: number;
  readonly idle: number;
  readonly queued: number;
  readonly inFlight: number;
}

/**
 * The hot path: our own wire client, logged in as `authenticator`.
 * Throws `PgError` (src/postgres/wire) for what Postgres answers; `pool_saturated` (503) when the
 * queue is full; `database_unavailable` (503) when no connection can be had.
 */
export interface UserPool {
  query(query: UserQuery): Promise<UserResult>;
  stats(): PoolStats;
}

/** All handles on one tenant's database. */
export interface TenantDatabase {
  readonly user: UserPool;
  /** The role that `user` logs in as. */
  readonly login: string;
  /** postgres.js as the owner: system tables, admin work. Never for a user's query. */
  readonly system: Sql;
  /** postgres.js as the owner on the direct URL: LISTEN, replication, migrations. */
  readonly direct: Sql;
  /**
   * Runs one `COPY … FROM STDIN` as the owner and resolves once it is committed: many rows at the
   * least cost. Throws as `UserPool.query` does.
   */
  copyIn(sql: string, data: Uint8Array): Promise<void>;
  /** libpq URL of the owner. */
  readonly ownerUrl: string;
  /** The same without a pooler: for a replication connection. */
  readonly directUrl: string;
}

/** Bounded, least-recently-used pools per tenant. */
export interface Databases {
  for(tenant: TenantCtx): TenantDatabase;
  /** Tenants whose pools are open now; for metrics. */
  open(): readonly { tenant: TenantCtx; stats: PoolStats }[];
  close(): Promise<void>;
}
