/** Work that a function goes on with after its answer (`waitUntil`): counted, and told to the server. */
import type { FromChild } from "../../messages.ts";
import { callScope } from "./call-scope.ts";
import type { RunnerLog } from "./runner-log.ts";

export interface Background {
  /** Keeps the process, and the call's rights, until `work` has settled, within the server's bounds. A failure is logged. */
  waitUntil(work: Promise<unknown>): void;
}

type Change = Omit<Extract<FromChild, { t: "background" }>, "t">;

/** @param tell each time work of a call changes between none and some; before its answer, if it is then */
export function createBackground(log: RunnerLog, tell: (change: Change) => void): Background {
  let running = 0;
  const works = new Map<number | undefined, number>();
  const change = (call: number | undefined, by: 1 | -1) => {
    running += by;
    const before = works.get(call) ?? 0;
    const now = before + by;
    if (now === 0) works.delete(call);
    else works.set(call, now);
    if (before > 0 && now > 0) return;
    tell({ running, ...(call === undefined ? {} : { call }), works: now > 0 });
  };
  return {
    waitUntil(work) {
      const call = callScope.getStore()?.n;
      change(call, 1);
      Promise.resolve(work)
        .catch((error: unknown) => log.failure("waitUntil failed", error))
        .finally(() => change(call, -1));
    },
  };
}
