/**
 * A clock that only moves when told to, so that real code can be driven through hours in
 * microseconds and in a reproducible order. Timers run in order of their due time, then of creation.
 */
import type { Clock } from "../../src/core/ports/clock.ts";

export interface SimClock extends Clock {
  /** Moves time forward, running what falls due on the way and letting its promises settle. */
  advance(ms: number): Promise<void>;
  /** Steps the wall clock only, as an administrator or NTP would. */
  step(ms: number): void;
  /** Timers that have not fired. */
  pending(): number;
}

interface Timer {
  readonly id: number;
  due: number;
  readonly everyMs: number | null;
  readonly run: () => void;
}

/** Lets promise chains of in-memory code finish. */
export async function settle(turns = 100): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await Promise.resolve();
}

export function createSimClock(startMs = Date.UTC(2026, 0, 1)): SimClock {
  const timers = new Map<number, Timer>();
  let elapsed = 0;
  let offset = startMs;
  let nextId = 1;
  const add = (ms: number, everyMs: number | null, run: () => void) => {
    const id = nextId++;
    timers.set(id, { id, due: elapsed + Math.max(0, ms), everyMs, run });
    return () => void timers.delete(id);
  };
  const nextDue = (until: number): Timer | undefined => {
    let found: Timer | undefined;
    for (const timer of timers.values()) {
      if (timer.due > until) continue;
      if (!found || timer.due < found.due) found = timer;
    }
    return found;
  };
  return {
    now: () => Math.floor(offset + elapsed),
    monotonic: () => elapsed,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason as Error);
        const cancel = add(ms, null, () => {
          signal?.removeEventListener("abort", onAbort);
          resolve();
        });
        const onAbort = () => {
          cancel();
          reject(signal?.reason as Error);
        };
        signal?.addEventListener("abort", onAbort, { once: true });
      }),
    after: (ms, run) => add(ms, null, run),
    every: (ms, run) => add(ms, Math.max(1, ms), run),
    async advance(ms) {
      const until = elapsed + ms;
      await settle();
      for (let timer = nextDue(until); timer; timer = nextDue(until)) {
        elapsed = Math.max(elapsed, timer.due);
        if (timer.everyMs === null) timers.delete(timer.id);
        else timer.due += timer.everyMs;
        timer.run();
        await settle();
      }
      elapsed = until;
      await settle();
    },
    step(ms) {
      offset += ms;
    },
    pending: () => timers.size,
  };
}
