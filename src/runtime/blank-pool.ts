/**
 * Children that are up and wait for work, so that a first call costs a message and not a process
 * start. Both runtimes take from one; it refills itself in the background.
 */
import type { Clock } from "../core/ports/clock.ts";
import type { Logger } from "../core/ports/log.ts";
import type { Child } from "./child.ts";

export interface BlankPool {
  /** A ready child, or one that is on its way. Rejects when it could not be started. */
  take(): Promise<Child>;
  fill(): void;
  list(): readonly Child[];
  /** Ends all blanks and stops refilling. */
  close(): Promise<void>;
}

export interface BlankPoolOptions {
  /** How many to hold, 0 or more. */
  readonly size: number;
  readonly spawn: () => Child;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The refill waits until the call that emptied the pool had the processor to itself. */
const REFILL_AFTER_MS = 25;
const RETRY_AFTER_MS = 1000;

export function createBlankPool(options: BlankPoolOptions): BlankPool {
  const blanks: Child[] = [];
  let closed = false;
  let cancelRefill: (() => void) | null = null;

  function refillAfter(ms: number): void {
    if (closed || cancelRefill) return;
    cancelRefill = options.clock.after(ms, () => {
      cancelRefill = null;
      try {
        fill();
      } catch (error) {
        options.logger.error("runtime.spawn_failed", { error });
        refillAfter(RETRY_AFTER_MS);
      }
    });
  }

  function fill(): void {
    while (!closed && blanks.length < options.size) blanks.push(watch(options.spawn()));
  }

  /** A blank that dies is replaced, not at once, lest a broken machine spins. */
  function watch(child: Child): Child {
    child.ready.catch((error: unknown) => {
      if (!closed) options.logger.error("runtime.start_failed", { pid: child.pid, error });
    });
    void child.exited.then(() => {
      const at = blanks.indexOf(child);
      if (at < 0) return;
      blanks.splice(at, 1);
      refillAfter(RETRY_AFTER_MS);
    });
    return child;
  }

  return {
    async take() {
      if (closed) throw new Error("The runtime is stopping");
      const child = blanks.shift() ?? watch(options.spawn());
      refillAfter(REFILL_AFTER_MS);
      await child.ready;
      return child;
    },
    fill,
    list: () => blanks,
    async close() {
      closed = true;
      cancelRefill?.();
      const ending = blanks.splice(0);
      for (const child of ending) child.kill({ kind: "ended" });
      await Promise.all(ending.map((child) => child.exited));
    },
  };
}
