/** Times each step of a boot for the `ready` line, and undoes what was done when a later one fails. */
import type { Clock } from "../../core/ports/clock.ts";
import type { Logger } from "../../core/ports/log.ts";
import { endedWithin } from "../within.ts";

export interface BootStep {
  readonly name: string;
  readonly ms: number;
}

export interface BootSteps {
  /** Runs and times one step. */
  run<T>(name: string, work: () => Promise<T> | T): Promise<T>;
  readonly done: readonly BootStep[];
  readonly clock: Clock;
  /** Registers what must be undone; called in reverse at shutdown or on a failed boot. */
  onClose(name: string, close: (budgetMs: number) => Promise<void>): void;
  /** Undoes everything in reverse, sharing one budget. Never throws: each failure is logged. */
  closeAll(budgetMs: number): Promise<void>;
}

/** What each part gets even when the budget is spent; PostgreSQL needs it to end in good order. */
const LEAST_MS = 1_500;
/** What a part may take beyond that before it is left behind. */
const GRACE_MS = 1_000;

export function createBootSteps(clock: Clock, log: Logger): BootSteps {
  const done: BootStep[] = [];
  const closers: { name: string; close: (budgetMs: number) => Promise<void> }[] = [];
  return {
    done,
    clock,
    async run(name, work) {
      const from = clock.monotonic();
      const result = await work();
      done.push({ name, ms: Math.round((clock.monotonic() - from) * 10) / 10 });
      return result;
    },
    onClose: (name, close) => void closers.push({ name, close }),
    async closeAll(budgetMs) {
      const deadline = clock.monotonic() + budgetMs;
      for (let next = closers.pop(); next; next = closers.pop()) {
        const left = Math.max(LEAST_MS, deadline - clock.monotonic());
        try {
          if (await endedWithin(clock, left + GRACE_MS, next.close(left))) continue;
          log.error("server.close_overran", { part: next.name });
        } catch (error) {
          log.error("server.close_failed", { part: next.name, error });
        }
      }
    },
  };
}
