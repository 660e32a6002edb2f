/**
 * Signals: the first asks for a graceful stop, the second forces it. The server stops accepting,
 * answers what is in flight, stops its services in reverse, and PostgreSQL last.
 */
import type { Clock } from "../core/ports/clock.ts";
import type { Logger } from "../core/ports/log.ts";

/** After the budget, how long parts still get to close before the process ends anyway. */
const FORCE_AFTER_MS = 5_000;

export interface ShutdownOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** For everything, drain included. */
  readonly budgetMs: number;
  stop(budgetMs: number): Promise<void>;
}

export interface Shutdown {
  /** Starts it; further calls force it. */
  request(reason: string): void;
  /** 0 after a graceful end, 1 after a forced one or a failure. */
  readonly ended: Promise<number>;
}

export function createShutdown(options: ShutdownOptions): Shutdown {
  const { promise: ended, resolve } = Promise.withResolvers<number>();
  let requested = false;
  const run = async (reason: string) => {
    options.log.info("server.stopping", { reason, budget_ms: options.budgetMs });
    const cancel = options.clock.after(options.budgetMs + FORCE_AFTER_MS, () => {
      options.log.error("server.stop_overdue", { reason });
      resolve(1);
    });
    try {
      await options.stop(options.budgetMs);
      options.log.info("server.stopped", {});
      resolve(0);
    } catch (error) {
      options.log.error("server.stop_failed", { error });
      resolve(1);
    } finally {
      cancel();
    }
  };
  return {
    ended,
    request(reason) {
      if (!requested) {
        requested = true;
        void run(reason);
        return;
      }
      options.log.warn("server.stop_forced", { reason });
      resolve(1);
    },
  };
}

/** Calls `ask` at each of the signals; the returned function stops listening. */
export function onSignals(
  signals: readonly NodeJS.Signals[],
  ask: (signal: string) => void,
): () => void {
  const handlers = signals.map((signal) => {
    const handler = () => ask(signal);
    process.on(signal, handler);
    return () => process.off(signal, handler);
  });
  return () => {
    for (const off of handlers) off();
  };
}
