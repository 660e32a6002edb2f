/** One user query on its way through the pool: what was asked, what has come back, who waits. */
import type { UserQuery, UserResult } from "../../core/ports/database.ts";
import type { PgError } from "./pg-error.ts";
import type { Statement } from "./statement-cache.ts";
import type { StatementKind } from "./statement-kinds.ts";

export class Job {
  readonly query: UserQuery;
  readonly kind: StatementKind;
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
  /** Its transaction may be one with others: decided when it is sent. */
  isShared = false;
  /** A Sync follows it, and its answer ends with ReadyForQuery: false but for the last that share one. */
  isLast = true;
  /** Its bytes were handed to the socket: it may have run. */
  isSent = false;
  isSettled = false;
  /** Set by whoever must know at once that the job ended (a running cancel). */
  onSettled: (() => void) | null = null;
  /** Takes back what following the caller's signal needed. */
  onEnd: (() => void) | null = null;

  /** What is executed, in order: the settings, what runs before, the query's own statement, … */
  steps: Statement[] = [];
  /** Index of the query's own statement in `steps`. */
  mainStep = 1;
  /** Index of the statement that runs after it; -1 when none does. */
  afterStep = -1;
  /** Index of the step whose answers come now. */
  step = 0;
  /** The step was bound: from here on it may have run. */
  isBound = false;
  /** What ends its transaction block: "COMMIT" or "ROLLBACK"; null when it is implicit. */
  ending: string | null = null;
  /** The steps of a block are over, and the command that ends it is under way. */
  isEnding = false;
  /** False when a block was over before its end, or did not end the way it was told to. */
  hasEndedAsAsked = true;
  columns: readonly string[] = [];
  rows: (readonly (Uint8Array | null)[])[] = [];
  afterRows: (readonly (Uint8Array | null)[])[] = [];
  tag = "";
  error: PgError | null = null;
  /** The connection's count of cancel requests when this was sent. */
  cancelsAtSend = 0;

  constructor(
    query: UserQuery,
    kind: StatementKind,
    timing: { timeoutMs: number; enqueuedAtMs: number },
    resolve: (result: UserResult) => void,
    reject: (error: unknown) => void,
  ) {
    this.query = query;
    this.kind = kind;
    this.timeoutMs = timing.timeoutMs;
    this.enqueuedAtMs = timing.enqueuedAtMs;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** True while the query's own statement is answered, and not what surrounds it. */
  get isInMain(): boolean {
    return this.step === this.mainStep;
  }

  /** Where rows that come now belong; null for those that nobody wants. */
  get rowsNow(): (readonly (Uint8Array | null)[])[] | null {
    if (this.step === this.mainStep) return this.rows;
    return this.step === this.afterStep ? this.afterRows : null;
  }

  /** Back to the state before it was sent. */
  reset(): void {
    this.steps = [];
    this.mainStep = 1;
    this.afterStep = -1;
    this.step = 0;
    this.isSent = false;
    this.isLast = true;
    this.isBound = false;
    this.ending = null;
    this.isEnding = false;
    this.hasEndedAsAsked = true;
    this.columns = [];
    this.rows = [];
    this.afterRows = [];
    this.tag = "";
    this.error = null;
  }

  succeed(): void {
    this.#settle();
    const { columns, rows, afterRows: after, tag } = this;
    this.#resolve({ columns, rows, after, tag });
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
