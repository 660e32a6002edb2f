/** Work that a function goes on with after its answer (`waitUntil`): counted, and told to the server. */
import type { RunnerLog } from "./runner-log.ts";

export interface Background {
  /** Keeps the process until `work` has settled, within the server's bounds. A failure is logged. */
  waitUntil(work: Promise<unknown>): void;
}

/** @param tell how many are under way, each time it changes between none and some. */
export function createBackground(log: RunnerLog, tell: (running: number) => void): Background {
  let running = 0;
  const change = (by: 1 | -1) => {
    const before = running;
    running += by;
    if (before === 0 || running === 0) tell(running);
  };
  return {
    waitUntil(work) {
      change(1);
      Promise.resolve(work)
        .catch((error: unknown) => log.failure("waitUntil failed", error))
        .finally(() => change(-1));
    },
  };
}
