/**
 * Calls that have just begun. A call that lasts needs a timer for its deadline and an ear for its client;
 * most are over before, and a timer and two listeners would cost them more than what they compute.
 */
import { BriefMap } from "../core/brief-map.ts";

/** How often `tick` is called, milliseconds. */
export const TICK_MS = 50;

export class YoungCalls {
  #youngest = new BriefMap<() => void>();
  #older = new BriefMap<() => void>();
  #count = 0;

  /** Runs `grow` once, one to two ticks from now; the returned function calls it off. */
  add(grow: () => void): () => void {
    this.#count += 1;
    const key = this.#count;
    this.#youngest.set(key, grow);
    return () => {
      if (!this.#youngest.delete(key)) this.#older.delete(key);
    };
  }

  tick(): void {
    const over = this.#older;
    const grown = over.values();
    over.clear();
    this.#older = this.#youngest;
    this.#youngest = over;
    for (const grow of grown) grow();
  }
}

/** Whether a deadline is over before a call is grown. */
export const isBrief = (deadlineMs: number): boolean => deadlineMs <= 2 * TICK_MS;
