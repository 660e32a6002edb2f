/**
 * Calls that have just begun. A call that lasts needs a timer for its deadline and an ear for its client;
 * most are over before, and a timer and two listeners would cost them more than what they compute.
 */

/** How often `tick` is called, milliseconds. */
export const TICK_MS = 50;

export class YoungCalls {
  #youngest = new Set<() => void>();
  #older = new Set<() => void>();

  /** Runs `grow` once, one to two ticks from now; the returned function calls it off. */
  add(grow: () => void): () => void {
    this.#youngest.add(grow);
    return () => {
      if (!this.#youngest.delete(grow)) this.#older.delete(grow);
    };
  }

  tick(): void {
    const grown = this.#older;
    this.#older = this.#youngest;
    this.#youngest = new Set();
    for (const grow of grown) grow();
  }
}

/** Whether a deadline is over before a call is grown. */
export const isBrief = (deadlineMs: number): boolean => deadlineMs <= 2 * TICK_MS;
