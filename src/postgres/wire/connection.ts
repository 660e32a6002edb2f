/**
 * One pooled connection. Each query is one flush and one transaction (protocol 3.0, "Extended
 * Query" and "Pipelining"; `write-job.ts` lays it out). Several queries may be under way;
 * answers come in order. The pool decides what goes where; this decides what an answer means.
 */
import type { Clock } from "../../core/ports/clock.ts";
import type { Logger } from "../../core/ports/log.ts";
import type { DatabaseAddress } from "../url.ts";
import { requestCancel } from "./cancel.ts";
import { wireErrors } from "./errors.ts";
import type { Job } from "./job.ts";
import { MessageWriter } from "./message-writer.ts";
import { PgError, parseErrorFields } from "./pg-error.ts";
import { readColumns, readRow, TagReader } from "./result-messages.ts";
import type { BackendKey, Session, SessionOwner } from "./session.ts";
import { mayShare, sharesWith } from "./shared-transaction.ts";
import { StatementCache } from "./statement-cache.ts";
import { QUICK_MS, type StatementKind, type StatementKinds } from "./statement-kinds.ts";
import { writeJob } from "./write-job.ts";

/** How often a cancel is repeated that came before the server had begun the query. */
const CANCEL_AGAIN_MS = 50;
const CANCEL_CONNECT_MS = 5_000;
/** The server's own timeout comes first where it counts. */
const OVERDUE_MS = 500;
/** A server that is silent this long after a statement's timeout is not coming back. */
const SILENCE_GRACE_MS = 5_000;
const MAX_RETRIES = 3;
/** Nothing is pipelined behind a query that has run this long: it may run much longer. */
const STALLED_MS = 10;
/** Longer than the server takes to look at its answers again, even when many come at once. */
const BEHIND_MS = 5;
/** Of ReadyForQuery: not in a transaction. */
const IDLE = 0x49;

/** So many jobs leave at once, and so many where they share a transaction. */
const UNSENT_MAX = 2;
const SHARED_MAX = 4;

export interface ConnectionOptions {
  readonly address: DatabaseAddress;
  readonly statementCacheSize: number;
  readonly kinds: StatementKinds;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface ConnectionEvents {
  /** It can take more. */
  readonly onFree: () => void;
  /** This job failed without a trace and may be sent again, first in line. */
  readonly onRetry: (job: Job) => void;
  /** It is gone; `jobs` were under way. */
  readonly onLost: (connection: Connection, jobs: readonly Job[], cause: unknown) => void;
}

export class Connection implements SessionOwner {
  readonly #session: Session;
  readonly #options: ConnectionOptions;
  readonly #events: ConnectionEvents;
  readonly #writer = new MessageWriter();
  readonly #statements: StatementCache;
  readonly #jobs: Job[] = [];
  readonly #tags = new TagReader();
  readonly #gone = new AbortController();
  #isFlushing = false;
  #unsent = 0;
  /** The last job written, while its transaction is open to others. */
  #open: Job | null = null;
  /** Kinds of what has been answered of the transaction that is being answered. */
  #answered: StatementKind[] = [];
  #isWritable = true;
  #isCancelling = false;
  #cancels = 0;
  #slowJobs = 0;
  #headSinceMs = 0;
  #isDoomed = false;
  #fatal: PgError | null = null;

  constructor(session: Session, options: ConnectionOptions, events: ConnectionEvents) {
    this.#session = session;
    this.#options = options;
    this.#events = events;
    this.#statements = new StatementCache(options.statementCacheSize);
    session.owner = this;
  }

  get load(): number {
    return this.#jobs.length;
  }

  /** False while bytes wait for the socket or a cancel is under way, which must not hit a newcomer. */
  get isOpen(): boolean {
    return this.#isWritable && !this.#isCancelling && !this.#isDoomed;
  }

  /** True when whoever is sent now may have to wait long for those before it. */
  isSlow(nowMs: number): boolean {
    return this.#slowJobs > 0 || this.#headAgeMs(nowMs) > STALLED_MS;
  }

  /** True when its oldest query has waited for long: Postgres is what the others wait for. */
  isBehind(nowMs: number): boolean {
    const oldest = this.#jobs[0];
    return oldest !== undefined && nowMs - oldest.enqueuedAtMs > BEHIND_MS;
  }

  /**
   * Writes the job's messages. They leave two jobs at a time, and what is left at the end of the event
   * loop's turn: PostgreSQL shall work while a long turn goes on, but waking it costs more than a query.
   */
  send(job: Job): void {
    job.isShared = mayShare(job);
    const sharedWith =
      this.#open && sharesWith(job, this.#open, this.#options.kinds) ? this.#open : null;
    if (!sharedWith) this.#endShared();
    for (const name of this.#statements.takeEvicted()) this.#writer.closeStatement(name);
    const mark = this.#writer.pendingBytes;
    try {
      writeJob(job, this.#writer, this.#statements, this.#options.kinds, sharedWith);
    } catch (error) {
      this.#writer.rewind(mark);
      this.#dropUnready(job);
      job.fail(error);
      return;
    }
    job.cancelsAtSend = this.#cancels;
    job.isSlow = job.kind.isSlow;
    if (job.isSlow) this.#slowJobs += 1;
    if (this.#jobs.push(job) === 1) this.#headSinceMs = this.#options.clock.monotonic();
    this.#unsent += 1;
    if (job.isShared) this.#open = job;
    if (this.#unsent >= (job.isShared ? SHARED_MAX : UNSENT_MAX)) this.#flush();
    else this.#flushLater();
  }

  /** Whoever is sent next has a transaction of its own. */
  #endShared(): void {
    if (!this.#open) return;
    this.#open.isLast = true;
    this.#open = null;
    this.#writer.sync();
  }

  #flushLater(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    setImmediate(() => {
      this.#isFlushing = false;
      this.#flush();
    });
  }

  /** Interrupts this very job: at once when it is running, else when its turn comes. */
  cancel(job: Job): void {
    job.isCancelWanted = true;
    if (this.#jobs[0] === job) void this.#cancelHead();
  }

  has(job: Job): boolean {
    return this.#jobs.includes(job);
  }

  /**
   * Cancels a job that takes longer than its timeout as a whole: Postgres counts each statement
   * alone, and the deferred triggers of a COMMIT not at all. Destroys the connection when the server
   * is silent far beyond that.
   */
  checkSilence(nowMs: number): void {
    const head = this.#jobs[0];
    if (!head || head.timeoutMs === 0) return;
    const overdueMs = this.#headAgeMs(nowMs) - head.timeoutMs;
    if (overdueMs > SILENCE_GRACE_MS) this.destroy(new Error("the server does not answer"));
    else if (overdueMs > OVERDUE_MS && !head.isCancelWanted) this.cancel(head);
  }

  /** Says goodbye; call when nothing is under way. */
  terminate(): void {
    this.#isDoomed = true;
    this.#writer.terminate();
    this.#session.end(this.#writer.take());
  }

  destroy(cause: unknown): void {
    this.#isDoomed = true;
    this.#session.destroy(cause);
  }

  readonly onDrain = () => {
    this.#isWritable = true;
    this.#events.onFree();
  };

  readonly onClose = (cause: unknown) => {
    this.#isDoomed = true;
    this.#gone.abort(new Error("the connection is gone"));
    this.#events.onLost(this, this.#jobs.splice(0), this.#fatal ?? cause);
  };

  readonly onMessage = (type: number, data: Buffer, start: number, end: number) => {
    const job = this.#jobs[0];
    switch (type) {
      case 0x44: // DataRow
        job?.rowsNow?.push(readRow(data, start));
        return;
      case 0x32: // BindComplete
        if (job) job.isBound = true;
        return;
      case 0x43: // CommandComplete
        return this.#onComplete(job, data, start, end - 1);
      case 0x5a: // ReadyForQuery
        return this.#onReady(job, data[start] ?? 0);
      case 0x54: // RowDescription
        return this.#onDescribed(job, readColumns(data, start));
      case 0x6e: // NoData
        return this.#onDescribed(job, []);
      case 0x31: // ParseComplete
        return this.#onParsed(job);
      case 0x45: // ErrorResponse
        return this.#onError(job, new PgError(parseErrorFields(data, start, end)));
      case 0x49: // EmptyQueryResponse
        return this.#onComplete(job, data, start, start);
      case 0x4e: // NoticeResponse
        return this.#onNotice(data, start, end);
      case 0x47: // CopyInResponse
      case 0x48: // CopyOutResponse
      case 0x57: // CopyBothResponse
        return this.#onCopy(job);
      default: // CloseComplete, ParameterDescription, NotificationResponse, PortalSuspended
        return;
    }
  };

  /** How long the query now running has had the server to itself. */
  #headAgeMs(nowMs: number): number {
    return this.#jobs.length === 0 ? 0 : nowMs - this.#headSinceMs;
  }

  #flush(): void {
    this.#unsent = 0;
    this.#endShared();
    if (this.#isDoomed || this.#writer.pendingBytes === 0) return;
    for (const job of this.#jobs) job.isSent = true;
    if (!this.#session.write(this.#writer.take())) this.#isWritable = false;
  }

  /** The command tag stands between `start` and `end`. */
  #onComplete(job: Job | undefined, data: Buffer, start: number, end: number): void {
    if (!job) return;
    if (job.isEnding) {
      // A block that had failed answers COMMIT with ROLLBACK, and keeps nothing.
      if (data.toString("latin1", start, end) !== job.ending) job.hasEndedAsAsked = false;
      return;
    }
    if (job.isInMain) job.tag = this.#tags.read(data, start, end);
    job.step += 1;
    job.isBound = false;
    if (job.isLast || job.step < job.steps.length) return;
    this.#jobs.shift();
    this.#answered.push(job.kind);
    job.succeed();
  }

  /** The query's own statement is ready only once its columns are known, too. */
  #onParsed(job: Job | undefined): void {
    const statement = job?.steps[job.step];
    if (statement && !job.isInMain && statement.name !== "") statement.isReady = true;
  }

  #onDescribed(job: Job | undefined, columns: readonly string[]): void {
    const statement = job?.isInMain ? job.steps[job.step] : undefined;
    if (!job || !statement) return;
    job.columns = columns;
    statement.columns = columns;
    if (statement.name !== "") statement.isReady = true;
  }

  #onError(job: Job | undefined, error: PgError): void {
    if (error.severity !== "ERROR") this.#fatal = error;
    if (job) job.error ??= error;
  }

  #onNotice(data: Buffer, start: number, end: number): void {
    const notice = parseErrorFields(data, start, end);
    this.#options.log.debug("postgres.notice", {
      severity: notice.severity,
      code: notice.code,
      message: notice.message,
    });
  }

  #onCopy(job: Job | undefined): void {
    job?.fail(wireErrors.copy_unsupported());
    this.destroy(wireErrors.copy_unsupported());
  }

  #onReady(job: Job | undefined, status: number): void {
    if (job?.ending && !job.isEnding) {
      this.#onBlockDone(job, status);
      return;
    }
    this.#jobs.shift();
    const nowMs = this.#options.clock.monotonic();
    if (job) this.#noteDuration(job, nowMs - this.#headSinceMs);
    if (job?.isSlow) this.#slowJobs -= 1;
    this.#headSinceMs = nowMs;
    if (job?.isLast === false) this.#sendSkippedAgain();
    if (status !== IDLE) {
      // Whatever follows would run inside this user's transaction: the connection must go.
      job?.fail(job.error ?? wireErrors.transaction_left_open());
      this.destroy(wireErrors.transaction_left_open());
      return;
    }
    if (job?.error) this.#settleError(job, job.error);
    else if (job?.hasEndedAsAsked === false) job.fail(wireErrors.transaction_ended_early());
    else job?.succeed();
    if (this.#jobs[0]?.isCancelWanted) void this.#cancelHead();
    this.#events.onFree();
  }

  /** What shared a transaction took as long as the others; where that was long, each is asked alone. */
  #noteDuration(job: Job, tookMs: number): void {
    if (job.isShared && job.error) job.kind.keepAlone();
    const kinds = [...this.#answered.splice(0), job.kind];
    const eachMs = tookMs / kinds.length;
    for (const kind of kinds) {
      if (kinds.length > 1 && eachMs > QUICK_MS) kind.forget();
      else kind.note(eachMs);
    }
  }

  /** After a failure PostgreSQL passes over what comes before the next Sync. */
  #sendSkippedAgain(): void {
    const last = this.#jobs.findIndex(({ isLast }) => isLast);
    for (const job of this.#jobs.splice(0, last + 1).reverse()) {
      this.#dropUnready(job);
      job.isAlone = true;
      job.reset();
      this.#events.onRetry(job);
    }
  }

  /** The block's steps are over, well or not: what ends it has been sent with them. */
  #onBlockDone(job: Job, status: number): void {
    job.isEnding = true;
    if (status === IDLE) job.hasEndedAsAsked = false;
  }

  #settleError(job: Job, error: PgError): void {
    this.#dropUnready(job);
    if (job.retries < MAX_RETRIES && this.#leftNoTrace(job, error)) {
      job.retries += 1;
      job.reset();
      this.#events.onRetry(job);
      return;
    }
    if (error.code === "57014" && job.isCancelWanted) job.fail(job.query.signal?.reason ?? error);
    else job.fail(error);
  }

  #dropUnready(job: Job): void {
    for (const statement of job.steps) if (!statement.isReady) this.#statements.drop(statement);
  }

  /** True when the same query can be sent again: it never began, or a cancel meant another. */
  #leftNoTrace(job: Job, error: PgError): boolean {
    if (job.isCancelWanted) return false;
    if (error.code === "57014") return job.cancelsAtSend !== this.#cancels;
    if (job.isBound || job.step > job.mainStep || job.retries > 0) return false;
    const isStale =
      error.code === "26000" ||
      (error.code === "0A000" && error.routine === "RevalidateCachedQuery");
    if (!isStale) return false;
    for (const statement of job.steps) this.#statements.drop(statement);
    return true;
  }

  async #cancelHead(): Promise<void> {
    const key = this.#session.key;
    if (this.#isCancelling || !key) return;
    this.#isCancelling = true;
    try {
      let head = this.#jobs[0];
      while (head?.isCancelWanted && !this.#gone.signal.aborted) {
        this.#cancels += 1;
        await this.#requestCancel(key);
        if (this.#jobs[0] === head) await this.#settledOrAgain(head);
        head = this.#jobs[0];
      }
    } catch (error) {
      if (!this.#gone.signal.aborted) this.#options.log.warn("postgres.cancel_failed", { error });
    } finally {
      this.#isCancelling = false;
      this.#events.onFree();
    }
  }

  async #requestCancel(key: BackendKey): Promise<void> {
    const limit = new AbortController();
    const cancelTimer = this.#options.clock.after(CANCEL_CONNECT_MS, () =>
      limit.abort(new Error("the cancel request took too long")),
    );
    try {
      const signal = AbortSignal.any([this.#gone.signal, limit.signal]);
      await requestCancel(this.#options.address, key, signal);
    } finally {
      cancelTimer();
    }
  }

  #settledOrAgain(head: Job): Promise<void> {
    return new Promise((resolve) => {
      const cancelTimer = this.#options.clock.after(CANCEL_AGAIN_MS, resolve);
      head.onSettled = () => {
        cancelTimer();
        resolve();
      };
    });
  }
}
