/**
 * When a function may have its next process after one that was ended for what it took. Each end costs the
 * start of another, a tenth of a second's work that its neighbours feel. The first is made up for at once:
 * anything may go wrong once. After that each pause is twice the one before.
 */
import type { Clock } from "../../core/ports/clock.ts";

export const FIRST_PAUSE_MS = 250;
/** Short enough for calls to wait: one bad caller must not be able to take a function from the others. */
export const PAUSE_MAX_MS = 2_000;
/** After so long without another end it is the first again. */
export const FORGET_MS = 10_000;

export class RestartPace {
  readonly #clock: Pick<Clock, "monotonic">;
  #ends = 0;
  #lastAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  countEnd(): void {
    if (this.hasForgotten()) this.#ends = 0;
    this.#ends += 1;
    this.#lastAt = this.#clock.monotonic();
  }

  /** Milliseconds until another may start. */
  waitMs(): number {
    if (this.#ends < 2) return 0;
    const pauseMs = Math.min(PAUSE_MAX_MS, FIRST_PAUSE_MS * 2 ** (this.#ends - 2));
    return Math.max(0, this.#lastAt + pauseMs - this.#clock.monotonic());
  }

  /** Nothing is lost when a new one takes its place. */
  hasForgotten(): boolean {
    return this.#clock.monotonic() - this.#lastAt > FORGET_MS;
  }
}
