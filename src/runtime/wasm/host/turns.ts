/**
 * Who may run on the host's one thread. A call that waits for something outside (a request, a key) gives
 * its turn away and takes it again before it goes on, so that at any moment one call runs, the mark names
 * it, and the watchdog counts its time and nobody else's.
 */
import type { RunningMark } from "../running-mark.ts";
import type { Watchdog } from "./watchdog.ts";

/** One call as far as turns are concerned. */
export interface TurnTaker {
  /** What the mark shows, 1 to 2^32-1. */
  readonly n: number;
  /** When it is to be stopped, milliseconds since the epoch. */
  readonly deadlineAt: number;
  /** The watchdog's number of its instance, 0 while there is none. */
  instance: number;
}

export interface Turns {
  /** Begins or goes on. */
  take(call: TurnTaker): Promise<void> | void;
  /** Ends or waits. True when the watchdog stopped the call: its instance is lost. */
  give(): boolean;
}

export function createTurns(
  mark: RunningMark,
  watchdog: Pick<Watchdog, "begin" | "end" | "running">,
  now: () => number,
): Turns {
  let isTaken = false;
  const waiting: (() => void)[] = [];

  function begin(call: TurnTaker): void {
    isTaken = true;
    mark[0] = call.n;
    watchdog.begin(call.deadlineAt - now());
    if (call.instance !== 0) watchdog.running(call.instance);
  }

  return {
    take(call) {
      if (!isTaken) {
        begin(call);
        return;
      }
      return new Promise((resolve) => {
        waiting.push(() => {
          begin(call);
          resolve();
        });
      });
    },
    give() {
      const stopped = watchdog.end();
      mark[0] = 0;
      isTaken = false;
      waiting.shift()?.();
      return stopped;
    },
  };
}
