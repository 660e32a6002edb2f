/**
 * Takes log lines and invocations off the hot path: a call only appends to a batch, batches go to
 * the database four times a second. Bounded: when the database cannot keep up, the newest are
 * dropped and counted, and a call never waits.
 */
import type { Clock } from "../../core/ports/clock.ts";
import type { Logger } from "../../core/ports/log.ts";
import { InvocationRows, type NewInvocation } from "./invocation-rows.ts";
import { INVOCATIONS_A_BATCH, type NewLogLine } from "./store-records.ts";

/** Where batches go. Both may reject; the batch is then kept, unless its content is at fault. */
export interface RecordSink {
  logLines(lines: readonly NewLogLine[]): Promise<void>;
  invocations(rows: InvocationRows): Promise<void>;
}

const FLUSH_MS = 250;
const PENDING_MAX = 10_000;
const LINES_A_BATCH = 2_000;
/** Longer ones are no ids of ours. */
const REQUEST_ID_MAX = 200;

/** Log lines, written in batches. */
class LineQueue {
  #pending: NewLogLine[] = [];
  dropped = 0;
  readonly #write: RecordSink["logLines"];

  constructor(write: RecordSink["logLines"]) {
    this.#write = write;
  }

  add(line: NewLogLine): void {
    if (this.#pending.length < PENDING_MAX) this.#pending.push(line);
    else this.dropped += 1;
  }

  get waiting(): number {
    return this.#pending.length;
  }

  async flush(): Promise<void> {
    while (this.#pending.length > 0) {
      const rows = this.#pending.slice(0, LINES_A_BATCH);
      try {
        await this.#write(rows);
      } catch (error) {
        if (isContentFault(error)) this.#pending.splice(0, rows.length);
        throw error;
      }
      this.#pending.splice(0, rows.length);
    }
  }
}

/** The same of calls, which are put in their batches at once. */
class CallQueue {
  /** Oldest first; the last one takes more until it is full or being written. */
  readonly #batches: InvocationRows[] = [];
  #waiting = 0;
  dropped = 0;
  readonly #write: RecordSink["invocations"];

  constructor(write: RecordSink["invocations"]) {
    this.#write = write;
  }

  add(row: NewInvocation): void {
    if (this.#waiting >= PENDING_MAX) {
      this.dropped += 1;
      return;
    }
    this.#waiting += 1;
    this.#open().add(row);
  }

  /** The batch that takes the next one. */
  #open(): InvocationRows {
    const last = this.#batches.at(-1);
    if (last && !last.isClosed && last.count < INVOCATIONS_A_BATCH) return last;
    const next = new InvocationRows();
    this.#batches.push(next);
    return next;
  }

  get waiting(): number {
    return this.#waiting;
  }

  async flush(): Promise<void> {
    for (;;) {
      const [rows] = this.#batches;
      if (!rows) return;
      try {
        await this.#write(rows);
      } catch (error) {
        if (isContentFault(error)) this.#leave(rows);
        throw error;
      }
      this.#leave(rows);
    }
  }

  #leave(rows: InvocationRows): void {
    this.#batches.shift();
    this.#waiting -= rows.count;
  }
}

/** Postgres has no NUL, JSON no half characters. */
function storable(text: string): string {
  return text.replaceAll("\u0000", "\ufffd").toWellFormed();
}

/** SQLSTATE class 22: writing the same rows again would fail again. */
function isContentFault(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" && code.startsWith("22");
}

export class RecordWriter {
  readonly #lines: LineQueue;
  readonly #calls: CallQueue;
  readonly #log: Logger;
  #flushing: Promise<void> | null = null;
  #stopTimer: (() => void) | null = null;

  constructor(sink: RecordSink, log: Logger) {
    this.#lines = new LineQueue((lines) => sink.logLines(lines));
    this.#calls = new CallQueue((rows) => sink.invocations(rows));
    this.#log = log;
  }

  /** Its texts come from a function: one that cannot be stored would take the whole batch along. */
  addLine(line: NewLogLine): void {
    const { request_id: id } = line;
    const request_id = id === null ? null : storable(id).slice(0, REQUEST_ID_MAX);
    this.#lines.add({ ...line, request_id, message: storable(line.message) });
  }

  addInvocation(row: NewInvocation): void {
    this.#calls.add(row);
  }

  start(clock: Clock): void {
    this.#stopTimer ??= clock.every(FLUSH_MS, () => {
      if (this.#lines.waiting + this.#calls.waiting > 0) void this.flush();
    });
  }

  /** Writes what is waiting and ends the timer. */
  async stop(): Promise<void> {
    this.#stopTimer?.();
    this.#stopTimer = null;
    await this.flush();
    await this.flush();
  }

  /** One flush at a time; never rejects. */
  flush(): Promise<void> {
    this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = null;
    });
    return this.#flushing;
  }

  async #flush(): Promise<void> {
    for (const batch of [this.#lines, this.#calls]) {
      try {
        await batch.flush();
      } catch (error) {
        this.#log.error("functions.records_not_written", { waiting: batch.waiting, error });
      }
      if (batch.dropped > 0) {
        this.#log.warn("functions.records_dropped", { count: batch.dropped });
        batch.dropped = 0;
      }
    }
  }
}
