/**
 * Sends messages after the answer: no request waits for a mail server, and whether an address got a
 * mail cannot be told from the time of an answer. Bounded; kept in memory only, because messages
 * carry codes, so a crash loses those under way and people ask again.
 */
import { ReactorError } from "../../../core/errors.ts";
import type { Clock } from "../../../core/ports/clock.ts";
import type { Logger } from "../../../core/ports/log.ts";
import type { Metrics } from "../../../core/ports/metrics.ts";

export interface Outbox {
  /**
   * Runs `job` soon. When it fails with a 503 it is tried again, up to five times in five minutes;
   * another failure is logged. Past the bound the job is dropped, which is logged too.
   */
  add(what: string, job: () => Promise<void>): void;
  /** Begins at once and resolves when nothing is left; what waits for its next try is not waited for. */
  idle(): Promise<void>;
  /** Jobs that are not done, those that wait for their next try included. */
  waiting(): number;
  /** Finishes what it can within `budgetMs`; the rest is lost, which is logged. */
  close(budgetMs: number): Promise<void>;
}

export interface OutboxOptions {
  readonly log: Logger;
  readonly clock: Clock;
  readonly metrics: Metrics;
}

const CONCURRENCY = 4;
const WAITING_MAX = 1000;
/** The answer is out by then. */
const BEGIN_AFTER_MS = 5;
/** A server that is restarted, one that greylists (RFC 6647 §4.3): a code is good for ten minutes. */
const RETRY_AFTER_MS = [2_000, 15_000, 60_000, 240_000];
const UNAVAILABLE = 503;

interface Job {
  readonly what: string;
  readonly run: () => Promise<void>;
  readonly attempt: number;
}

export function createOutbox({ log, clock, metrics }: OutboxOptions): Outbox {
  const queue: Job[] = [];
  const delayed = new Map<Job, () => void>();
  const idlers: (() => void)[] = [];
  let running = 0;
  let isClosed = false;
  /** Cancels the timer that begins with what came in. */
  let begin: (() => void) | null = null;
  const counted = metrics.counter("reactor_auth_messages_total", "Messages to people, by outcome");
  const gauge = metrics.gauge("reactor_auth_messages_waiting", "Messages that wait to be sent");
  const waiting = () => queue.length + delayed.size;
  metrics.onCollect(() => gauge.set({}, waiting()));

  const drop = (what: string, why: string) => {
    counted.add({ outcome: "dropped" });
    log.error("auth.message_dropped", { what, why, waiting: waiting() });
  };
  const again = (job: Job, error: unknown): boolean => {
    const delayMs = RETRY_AFTER_MS[job.attempt];
    const isLater = error instanceof ReactorError && error.status === UNAVAILABLE;
    if (!isLater || delayMs === undefined || isClosed) return false;
    const next = { ...job, attempt: job.attempt + 1 };
    const cancel = clock.after(delayMs, () => {
      delayed.delete(next);
      queue.push(next);
      pump();
    });
    delayed.set(next, cancel);
    log.warn("auth.message_delayed", { what: job.what, retry_in_ms: delayMs, error });
    return true;
  };
  const run = async (job: Job) => {
    try {
      await job.run();
      counted.add({ outcome: "sent" });
    } catch (error) {
      if (again(job, error)) return;
      counted.add({ outcome: "failed" });
      log.error("auth.message_failed", { what: job.what, error });
    }
  };
  const pump = () => {
    begin?.();
    begin = null;
    while (running < CONCURRENCY) {
      const next = queue.shift();
      if (!next) break;
      running += 1;
      void run(next).then(() => {
        running -= 1;
        pump();
      });
    }
    if (running === 0 && queue.length === 0) for (const done of idlers.splice(0)) done();
  };
  const idle = () => {
    pump();
    if (running === 0 && queue.length === 0) return Promise.resolve();
    return new Promise<void>((resolve) => idlers.push(resolve));
  };
  return {
    add(what, job) {
      if (isClosed || waiting() >= WAITING_MAX) {
        drop(what, isClosed ? "the server stops" : "too many wait");
        return;
      }
      queue.push({ what, run: job, attempt: 0 });
      // Later: what a message costs to make is not in the time of the answer either.
      begin ??= clock.after(BEGIN_AFTER_MS, pump);
    },
    idle,
    waiting,
    async close(budgetMs) {
      isClosed = true;
      for (const [job, cancel] of [...delayed]) {
        cancel();
        delayed.delete(job);
        queue.push({ ...job, attempt: RETRY_AFTER_MS.length });
      }
      let cancel = () => {};
      const late = new Promise<void>((resolve) => {
        cancel = clock.after(budgetMs, resolve);
      });
      await Promise.race([idle(), late]);
      cancel();
      for (const { what } of queue.splice(0)) drop(what, "the server stops");
    },
  };
}
