/** One user query on its way through the pool: what was asked, what has come back, who waits. */
import type { UserQuery, UserResult } from "../../core/ports/database.ts";
import type { PgError } from "./pg-error.ts";
import type { Statement } from "./statement-cache.ts";

export class Job {
  readonly query: UserQuery;
  /** Role + SQL: names the prepared statement and the cost. */
  readonly kind: string;
  /** Slow of late or never seen: nothing is pipelined behind it. */
  isSlow = false;
  readonly timeoutMs: number;
  /** `clock.monotonic` when it entered the queue. */
  readonly enqueuedAtMs: number;
  readonly #resolve: (result: UserResult) => void;
  readonly #reject: (error: unknown) => void;
  /** Times it was sent again after a failure that left no trace. */
  retries = 0;
  isCancelWanted = false;
  /** Its bytes were handed to the socket: it may have run. */
  isSent = false;
  isSettled = false;
  /** Set by whoever must know at once that the job ended (a running cancel). */
  onSettled: (() => void) | null = null;
  /** Takes back what following the caller's signal needed. */
  onEnd: (() => void) | null = null;

  settings: Statement | null = null;
  statement: Statement | null = null;
  /** False while the settings run, true once the statement does. */
  isInStatement = false;
  /** The statement was bound: from here on it may have run. */
  isBound = false;
  columns: readonly string[] = [];
  rows: (readonly (Uint8Array | null)[])[] = [];
  tag = "";
  error: PgError | null = null;
  /** The connection's count of cancel requests when this was sent. */
  cancelsAtSend = 0;

  constructor(
    query: UserQuery,
    timing: { timeoutMs: number; enqueuedAtMs: number },
    resolve: (result: UserResult) => void,
    reject: (error: unknown) => void,
  ) {
    this.query = query;
    this.kind = `${query.role}\0${query.sql}`;
    this.timeoutMs = timing.timeoutMs;
    this.enqueuedAtMs = timing.enqueuedAtMs;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Back to the state before it was sent. */
  reset(): void {
    this.settings = null;
    this.statement = null;
    this.isSent = false;
    this.isInStatement = false;
    this.isBound = false;
    this.columns = [];
    this.rows = [];
    this.tag = "";
    this.error = null;
  }

  succeed(): void {
    this.#settle();
    this.#resolve({ columns: this.columns, rows: this.rows, tag: this.tag });
  }

  fail(error: unknown): void {
    this.#settle();
    this.#reject(error);
  }

  #settle(): void {
    this.isSettled = true;
    this.onSettled?.();
    this.onSettled = null;
    this.onEnd?.();
  }
}
