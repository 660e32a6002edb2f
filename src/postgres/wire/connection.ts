/**
 * One pooled connection. Each query is in one flush and one transaction (protocol 3.0, "Extended
 * Query" and "Pipelining"; `write-job.ts` lays it out), which quick reads may share. Several queries
 * may be under way; answers come in order. The pool decides what goes where; this decides what an answer means.
 */
import type { Clock } from "../../core/ports/clock.ts";
import type { Logger } from "../../core/ports/log.ts";
import type { DatabaseAddress } from "../url.ts";
import { wireErrors } from "./errors.ts";
import { Interrupter } from "./interrupter.ts";
import type { Job } from "./job.ts";
import { MessageWriter } from "./message-writer.ts";
import { PgError, parseErrorFields } from "./pg-error.ts";
import { readColumns, readRow, TagReader } from "./result-messages.ts";
import { isStale, leftNoTrace } from "./retry.ts";
import type { Session, SessionOwner } from "./session.ts";
import { mayShare, running, sharesWith } from "./shared-transaction.ts";
import { StatementCache } from "./statement-cache.ts";
import { QUICK_MS, type StatementKinds } from "./statement-kinds.ts";
import { writeJob } from "./write-job.ts";

/** The server's own timeout comes first where it counts. */
const OVERDUE_MS = 500;
/** A server that is silent this long after a statement's timeout is not coming back. */
const SILENCE_GRACE_MS = 5_000;
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
  readonly #interrupter: Interrupter;
  #isFlushing = false;
  #unsent = 0;
  /** The last job written, while its transaction is open to others. */
  #open: Job | null = null;
  /** Jobs that have been answered of the transaction that is being answered. */
  #answered = 0;
  #isWritable = true;
  #slowJobs = 0;
  #headSinceMs = 0;
  /** When the server began the transaction that is being answered, as far as can be told. */
  #transactionSinceMs = 0;
  #isDoomed = false;
  #fatal: PgError | null = null;

  constructor(session: Session, options: ConnectionOptions, events: ConnectionEvents) {
    this.#session = session;
    this.#options = options;
    this.#events = events;
    this.#statements = new StatementCache(options.statementCacheSize);
    this.#interrupter = new Interrupter(options);
    session.owner = this;
  }

  get load(): number {
    return this.#jobs.length;
  }

  /** False while bytes wait for the socket or a cancel is under way, which must not hit a newcomer. */
  get isOpen(): boolean {
    return this.#isWritable && !this.#interrupter.isBusy && !this.#isDoomed;
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
   * Writes the job's messages. They leave a few jobs at a time, and what is left at the end of the event
   * loop's turn: PostgreSQL shall work while a long turn goes on, but waking it costs more than a query.
   */
  send(job: Job): void {
    job.isShared = mayShare(job);
    const sharedWith = this.#openTo(job);
    // What comes behind a failure in a transaction is passed over, and a Close must not be.
    if (!sharedWith) {
      this.#endShared();
      for (const name of this.#statements.takeEvicted()) this.#writer.closeStatement(name);
    }
    const mark = this.#writer.pendingBytes;
    try {
      writeJob(job, this.#writer, this.#statements, this.#options.kinds, sharedWith);
    } catch (error) {
      this.#writer.rewind(mark);
      this.#dropUnready(job);
      job.fail(error);
      return;
    }
    job.cancelsAtSend = this.#interrupter.requests;
    job.isSlow = job.kind.isSlow;
    if (job.isSlow) this.#slowJobs += 1;
    if (this.#jobs.push(job) === 1) this.#becomeHead();
    this.#unsent += 1;
    if (job.isShared) this.#open = job;
    if (this.#unsent >= (job.isShared ? SHARED_MAX : UNSENT_MAX)) this.#flush();
    else this.#flushLater();
  }

  /** The job whose open transaction this one may join. */
  #openTo(job: Job): Job | null {
    const open = this.#open;
    return open && sharesWith(job, open, this.#options.kinds) ? open : null;
  }

  #becomeHead(): void {
    this.#headSinceMs = this.#options.clock.monotonic();
    this.#transactionSinceMs = this.#headSinceMs;
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

  /** Interrupts this very job: at once when its transaction is running, else when its turn comes. */
  cancel(job: Job): void {
    job.isCancelWanted = true;
    this.#cancelWanted();
  }

  #cancelWanted(): void {
    const { key } = this.#session;
    if (!key || this.#interrupter.isBusy || !this.#wanted()) return;
    void this.#interrupter.run(key, () => this.#wanted()).then(() => this.#events.onFree());
  }

  /**
   * Who is to be interrupted of the transaction that runs. Whoever else it hits is sent again, as what is
   * behind it there. Which of them runs is not known: answers come with the last.
   */
  #wanted(): Job | null {
    return running(this.#jobs).find((job) => job.isCancelWanted) ?? null;
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
    const [head] = this.#jobs;
    const timeouts = running(this.#jobs).map(({ timeoutMs }) => timeoutMs);
    if (!head || timeouts.includes(0)) return;
    const overdueMs = this.#headAgeMs(nowMs) - timeouts.reduce((sum, ms) => sum + ms, 0);
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
    this.#interrupter.stop();
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
    // What is open here may be on its way elsewhere by now, where another comes last.
    if (this.#isDoomed) return;
    this.#endShared();
    if (this.#writer.pendingBytes === 0) return;
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
    this.#answered += 1;
    this.#headSinceMs = this.#options.clock.monotonic();
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
    const { severity, code, message } = parseErrorFields(data, start, end);
    this.#options.log.debug("postgres.notice", { severity, code, message });
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
    if (job && !job.error && job.step < job.steps.length) {
      // Whose answers these are is not known any more.
      this.destroy(wireErrors.protocol_violation("an answer without its end"));
      return;
    }
    this.#jobs.shift();
    const nowMs = this.#options.clock.monotonic();
    if (job) this.#noteDuration(job, nowMs - this.#transactionSinceMs);
    if (job?.isSlow) this.#slowJobs -= 1;
    this.#headSinceMs = nowMs;
    this.#transactionSinceMs = nowMs;
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
    this.#cancelWanted();
    this.#events.onFree();
  }

  /** What shared a transaction took as long as the others; where that was long, one must show it alone. */
  #noteDuration(job: Job, tookMs: number): void {
    // A cancel is no fault of the statement.
    const isItsOwn = job.cancelsAtSend === this.#interrupter.requests;
    if (job.isShared && job.error && isItsOwn) job.kind.keepAlone();
    const count = this.#answered + 1;
    this.#answered = 0;
    const eachMs = tookMs / count;
    if (count > 1 && eachMs > QUICK_MS) job.kind.forget();
    else job.kind.note(eachMs);
  }

  /** After a failure PostgreSQL passes over what comes before the next Sync. */
  #sendSkippedAgain(): void {
    const skipped = this.#jobs.splice(0, running(this.#jobs).length);
    for (const job of skipped.reverse()) {
      this.#dropUnready(job);
      job.reset();
      if (job.isCancelWanted) job.fail(job.query.signal?.reason);
      else this.#events.onRetry(job);
    }
  }

  /** The block's steps are over, well or not: what ends it has been sent with them. */
  #onBlockDone(job: Job, status: number): void {
    job.isEnding = true;
    if (status === IDLE) job.hasEndedAsAsked = false;
  }

  #settleError(job: Job, error: PgError): void {
    this.#dropUnready(job);
    if (leftNoTrace(job, error, this.#interrupter.requests)) {
      if (isStale(error)) for (const statement of job.steps) this.#statements.drop(statement);
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
}
