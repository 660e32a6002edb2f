/**
 * The pool behind `UserPool`: a bounded queue in front of a few pipelined connections. Connections
 * open on demand, come back with back-off when lost, and take a bounded number of queries each.
 */
import { availableParallelism } from "node:os";
import { ReactorError } from "../../core/errors.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { PoolStats, UserPool, UserQuery, UserResult } from "../../core/ports/database.ts";
import type { Logger } from "../../core/ports/log.ts";
import type { Rng } from "../../core/ports/rng.ts";
import type { DatabaseAddress } from "../url.ts";
import { Connection } from "./connection.ts";
import { wireErrors } from "./errors.ts";
import { Job } from "./job.ts";
import { PgError } from "./pg-error.ts";
import { openSession } from "./session.ts";
import { StatementKinds } from "./statement-kinds.ts";

export interface UserPoolLimits {
  /** Connections at most. Default 4. */
  readonly size?: number;
  /** Queries under way on one connection at most, four times as many quick reads. Default 16. */
  readonly depth?: number;
  /** Connections that quick reads share. Default 4. */
  readonly quickReaders?: number;
  /** Queries that may wait; the next one gets `pool_saturated`. Default 1,000. */
  readonly queueLimit?: number;
  /** A query that waited this long gets `pool_saturated` or `database_unavailable`. Default 5,000. */
  readonly acquireTimeoutMs?: number;
  /** For queries that name none; 0 is no limit. Default 15,000. */
  readonly statementTimeoutMs?: number;
  /** Prepared statements kept per connection. Default 256. */
  readonly statementCacheSize?: number;
}

export interface UserPoolOptions {
  readonly address: DatabaseAddress;
  readonly limits?: UserPoolLimits;
  /** False behind a transaction pooler: unnamed statements only. Default true. */
  readonly prepared?: boolean;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
}

/** `up` once a connection stands, `down` when none does and the last attempt failed. */
export type PoolState = "idle" | "up" | "down";

export interface ManagedUserPool extends UserPool {
  state(): PoolState;
  /** Returns the function that ends the subscription. */
  onStateChange(listener: (state: PoolState) => void): () => void;
  /** Refuses new queries, lets those under way end within the budget, then closes. Default 5,000. */
  close(budgetMs?: number): Promise<void>;
}

/** Connections that quick queries share; the others are for what takes its time. */
const QUICK_CONNECTIONS = 4;
/** Quick reads under way on one connection, to one of any other query. */
const QUICK_READ_DEPTH_FACTOR = 4;

const DEFAULTS: Required<UserPoolLimits> = {
  size: 4,
  depth: 16,
  quickReaders: QUICK_CONNECTIONS,
  queueLimit: 1000,
  acquireTimeoutMs: 5000,
  statementTimeoutMs: 15_000,
  statementCacheSize: 256,
};
const BACKOFF_FIRST_MS = 50;
const BACKOFF_MAX_MS = 2_000;
const SILENCE_CHECK_MS = 1_000;
/** Wrong password, no such role or database, no right to connect. */
const HOPELESS = new Set(["28000", "28P01", "3D000", "42501", "0A000"]);

/**
 * `quickReaders` beside a database on this very machine: quick reads only compute, one core is the
 * server's own, and no more of them run at once than there are others.
 */
export function localQuickReaders(): number {
  return Math.min(QUICK_CONNECTIONS, Math.max(1, availableParallelism() - 1));
}

export function createUserPool(options: UserPoolOptions): ManagedUserPool {
  return new Pool(options);
}

class Pool implements ManagedUserPool {
  readonly #options: UserPoolOptions;
  readonly #limits: Required<UserPoolLimits>;
  readonly #connections: Connection[] = [];
  #queue: Job[] = [];
  readonly #kinds = new StatementKinds();
  #connecting = 0;
  #failures = 0;
  #lastFailure: unknown = null;
  #isBackingOff = false;
  #isClosed = false;
  #state: PoolState = "idle";
  readonly #listeners = new Set<(state: PoolState) => void>();
  readonly #closing = new AbortController();
  readonly #stopSilenceCheck: () => void;
  #cancelExpiry: (() => void) | null = null;
  #onIdle: (() => void) | null = null;

  constructor(options: UserPoolOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULTS, ...options.limits };
    this.#stopSilenceCheck = options.clock.every(SILENCE_CHECK_MS, () => {
      const nowMs = options.clock.monotonic();
      for (const connection of [...this.#connections]) connection.checkSilence(nowMs);
    });
  }

  query(query: UserQuery): Promise<UserResult> {
    if (query.signal?.aborted) return Promise.reject(query.signal.reason);
    if (this.#isClosed) {
      return Promise.reject(wireErrors.database_unavailable(new Error("the pool is closed")));
    }
    if (this.#queue.length >= this.#limits.queueLimit) {
      return Promise.reject(wireErrors.pool_saturated(this.#queue.length));
    }
    return new Promise((resolve, reject) => {
      const timeoutMs = query.timeoutMs ?? this.#limits.statementTimeoutMs;
      const enqueuedAtMs = this.#options.clock.monotonic();
      const kind = this.#kinds.query(query.role, query.sql);
      const job = new Job(query, kind, { timeoutMs, enqueuedAtMs }, resolve, reject);
      if (query.signal) this.#follow(job, query.signal);
      this.#queue.push(job);
      this.#dispatch();
    });
  }

  stats(): PoolStats {
    let inFlight = 0;
    let idle = 0;
    for (const connection of this.#connections) {
      inFlight += connection.load;
      if (connection.load === 0) idle += 1;
    }
    const { length: connections } = this.#connections;
    const { size: limit } = this.#limits;
    return { limit, connections, idle, queued: this.#queue.length, inFlight };
  }

  state(): PoolState {
    return this.#state;
  }

  onStateChange(listener: (state: PoolState) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async close(budgetMs = 5_000): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#drained(budgetMs);
    this.#closing.abort(new Error("the pool is closed"));
    this.#stopSilenceCheck();
    this.#cancelExpiry?.();
    this.#failQueue(wireErrors.database_unavailable(new Error("the pool is closed")));
    for (const connection of [...this.#connections]) {
      if (connection.load === 0) connection.terminate();
      else connection.destroy(new Error("the pool is closed"));
    }
  }

  #drained(budgetMs: number): Promise<void> {
    const isDrained = () => this.#queue.length === 0 && this.stats().inFlight === 0;
    if (isDrained()) return Promise.resolve();
    return new Promise((resolve) => {
      const cancelTimer = this.#options.clock.after(budgetMs, resolve);
      this.#onIdle = () => {
        if (!isDrained()) return;
        cancelTimer();
        resolve();
      };
    });
  }

  #follow(job: Job, signal: AbortSignal): void {
    const onAbort = () => {
      const at = this.#queue.indexOf(job);
      if (at >= 0) {
        this.#queue.splice(at, 1);
        return job.fail(signal.reason);
      }
      this.#connections.find((connection) => connection.has(job))?.cancel(job);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    job.onEnd = () => signal.removeEventListener("abort", onAbort);
  }

  #dispatch(): void {
    if (this.#queue.length > 0) this.#sendQueued(this.#options.clock.monotonic());
    if (this.#queue.length > 0) this.#watchQueue();
    this.#onIdle?.();
  }

  #sendQueued(nowMs: number): void {
    while (this.#queue.length > 0) {
      const [next] = this.#queue;
      if (!next) break;
      const connection = this.#pick(next, nowMs);
      if (!connection) break;
      this.#queue.shift();
      connection.send(next);
    }
  }

  /**
   * Quick queries share the first few connections: those that travel together share the system calls
   * and the waking, on both sides. Any other query gets an idle connection; else a new one is opened,
   * and meanwhile the least loaded takes it.
   */
  #pick({ kind, query }: Job, nowMs: number): Connection | null {
    const lane = kind.isQuick && query.readOnly === true ? this.#pickLane(nowMs) : null;
    if (lane) return lane;
    const { length } = this.#connections;
    const { size, depth } = this.#limits;
    const shared = Math.min(QUICK_CONNECTIONS, size);
    const best = this.#leastLoaded(kind.isQuick ? Math.min(shared, length) : length, depth, nowMs);
    const isEnough = best?.load === 0 || (kind.isQuick && best !== null && length >= shared);
    if (!isEnough && length + this.#connecting < size) this.#open();
    return best ?? this.#leastLoaded(length, depth, nowMs);
  }

  /**
   * For reads quicker than what the server does for each fewer connections are enough, as long as they
   * keep up. Writes wait for the disk, and on several connections they reach it together.
   */
  #pickLane(nowMs: number): Connection | null {
    const { size, depth, quickReaders } = this.#limits;
    const lanes = Math.min(quickReaders, size);
    if (this.#connections.length < lanes) return null;
    const best = this.#leastLoaded(lanes, depth * QUICK_READ_DEPTH_FACTOR, nowMs);
    return best?.isBehind(nowMs) ? null : best;
  }

  /** Of the first `count` connections the one that can take a query soonest; the last of those idle. */
  #leastLoaded(count: number, depth: number, nowMs: number): Connection | null {
    let best: Connection | null = null;
    // From behind: the first ones are for quick queries.
    for (let at = count - 1; at >= 0; at -= 1) {
      const connection = this.#connections[at];
      if (!connection?.isOpen || connection.load >= depth) continue;
      if (connection.load === 0) return connection;
      if (connection.isSlow(nowMs)) continue;
      if (!best || connection.load < best.load) best = connection;
    }
    return best;
  }

  #open(): void {
    if (this.#isBackingOff || this.#closing.signal.aborted) return;
    this.#connecting += 1;
    const { address, clock, rng, log } = this.#options;
    openSession({ address, clock, rng, signal: this.#closing.signal })
      .then((session) => {
        this.#connecting -= 1;
        this.#failures = 0;
        const statementCacheSize =
          this.#options.prepared === false ? 0 : this.#limits.statementCacheSize;
        const connection = new Connection(
          session,
          { address, statementCacheSize, clock, log, kinds: this.#kinds },
          {
            onFree: () => this.#dispatch(),
            onRetry: (job) => void this.#queue.unshift(job),
            onLost: (lost, jobs, cause) => this.#onLost(lost, jobs, cause),
          },
        );
        this.#connections.push(connection);
        this.#become("up");
        this.#dispatch();
      })
      .catch((error: unknown) => {
        this.#connecting -= 1;
        this.#onConnectFailed(error);
      });
  }

  #onConnectFailed(error: unknown): void {
    if (this.#closing.signal.aborted) return;
    this.#lastFailure = error;
    this.#options.log.warn("postgres.connect_failed", { error, attempt: this.#failures + 1 });
    if (this.#connections.length === 0) {
      this.#become("down");
      if (isHopeless(error)) {
        this.#failQueue(wireErrors.database_unavailable(error));
      }
    }
    this.#backOff();
  }

  #backOff(): void {
    if (this.#isBackingOff) return;
    this.#isBackingOff = true;
    const { clock, rng } = this.#options;
    const ceilingMs = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** this.#failures);
    this.#failures += 1;
    clock.after(ceilingMs * (0.5 + rng.float() / 2), () => {
      this.#isBackingOff = false;
      this.#dispatch();
    });
  }

  #onLost(lost: Connection, jobs: readonly Job[], cause: unknown): void {
    const at = this.#connections.indexOf(lost);
    if (at >= 0) this.#connections.splice(at, 1);
    if (!this.#isClosed) {
      this.#options.log.warn("postgres.connection_lost", { error: cause, inFlight: jobs.length });
    }
    const again: Job[] = [];
    for (const job of jobs) {
      if (job.isSettled) continue;
      if (job.isCancelWanted) {
        job.fail(job.query.signal?.reason ?? wireErrors.connection_lost(cause));
        continue;
      }
      const isReading = job.query.readOnly === true && job.retries === 0;
      // Reading twice does no harm; anything else that was sent may have taken effect.
      if (!job.isSent || isReading) {
        job.retries += 1;
        job.reset();
        again.push(job);
      } else job.fail(wireErrors.connection_lost(cause));
    }
    this.#queue = [...again, ...this.#queue];
    if (this.#connections.length === 0) this.#become(this.#isClosed ? "idle" : "down");
    this.#dispatch();
  }

  /** The queue is in order of arrival: one timer for its oldest job is enough. */
  #watchQueue(): void {
    const oldest = this.#queue[0];
    if (this.#cancelExpiry || !oldest) return;
    const { clock } = this.#options;
    const dueMs = oldest.enqueuedAtMs + this.#limits.acquireTimeoutMs - clock.monotonic();
    this.#cancelExpiry = clock.after(Math.max(1, dueMs), () => {
      this.#cancelExpiry = null;
      this.#expire(clock.monotonic() - this.#limits.acquireTimeoutMs);
      this.#watchQueue();
    });
  }

  #expire(beforeMs: number): void {
    const expired = this.#queue.filter((job) => job.enqueuedAtMs <= beforeMs);
    this.#queue = this.#queue.filter((job) => job.enqueuedAtMs > beforeMs);
    for (const job of expired) {
      const isUp = this.#connections.length > 0;
      const { pool_saturated, database_unavailable } = wireErrors;
      job.fail(isUp ? pool_saturated(expired.length) : database_unavailable(this.#lastFailure));
    }
  }

  #failQueue(error: unknown): void {
    const jobs = this.#queue;
    this.#queue = [];
    for (const job of jobs) job.fail(error);
  }

  #become(state: PoolState): void {
    if (this.#state === state) return;
    this.#state = state;
    for (const listener of this.#listeners) listener(state);
  }
}

/** Waiting does not help the queries in the queue. */
function isHopeless(error: unknown): boolean {
  if (error instanceof PgError) return HOPELESS.has(error.code);
  return error instanceof ReactorError && error.status === 500;
}
