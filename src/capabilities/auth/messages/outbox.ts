/**
 * Sends messages after the answer: no request waits for a mail server, and whether an address got a
 * mail cannot be told from the time of an answer. Bounded; kept in memory only, because messages
 * carry codes, so a crash loses those under way and people ask again.
 */
import type { Logger } from "../../../core/ports/log.ts";
import type { Metrics } from "../../../core/ports/metrics.ts";

export interface Outbox {
  /** Runs `job` soon; its failure is logged. Past the bound the job is dropped, which is logged too. */
  add(what: string, job: () => Promise<void>): void;
  /** Resolves when nothing is left: for tests and for the shutdown. */
  idle(): Promise<void>;
  waiting(): number;
}

export interface OutboxOptions {
  readonly log: Logger;
  readonly metrics: Metrics;
}

const CONCURRENCY = 4;
const WAITING_MAX = 1000;

export function createOutbox({ log, metrics }: OutboxOptions): Outbox {
  const queue: { what: string; job: () => Promise<void> }[] = [];
  const idlers: (() => void)[] = [];
  let running = 0;
  const counted = metrics.counter("reactor_auth_messages_total", "Messages to people, by outcome");
  const gauge = metrics.gauge("reactor_auth_messages_waiting", "Messages that wait to be sent");
  metrics.onCollect(() => gauge.set({}, queue.length));

  const run = async (what: string, job: () => Promise<void>) => {
    try {
      await job();
      counted.add({ outcome: "sent" });
    } catch (error) {
      counted.add({ outcome: "failed" });
      log.error("auth.message_failed", { what, error });
    }
  };
  const pump = () => {
    while (running < CONCURRENCY) {
      const next = queue.shift();
      if (!next) break;
      running += 1;
      void run(next.what, next.job).then(() => {
        running -= 1;
        pump();
      });
    }
    if (running === 0 && queue.length === 0) for (const done of idlers.splice(0)) done();
  };
  return {
    add(what, job) {
      if (queue.length >= WAITING_MAX) {
        counted.add({ outcome: "dropped" });
        log.error("auth.message_dropped", { what, waiting: queue.length });
        return;
      }
      queue.push({ what, job });
      // Not in this turn: what a message costs to make is not in the time of the answer either.
      queueMicrotask(pump);
    },
    idle: () =>
      running === 0 && queue.length === 0
        ? Promise.resolve()
        : new Promise((resolve) => idlers.push(resolve)),
    waiting: () => queue.length,
  };
}
