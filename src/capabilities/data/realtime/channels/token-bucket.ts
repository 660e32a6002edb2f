/** How often something may happen: a rate, and what may come at once. Pure; the caller has the clock. */

export class TokenBucket {
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #at: number;

  /**
   * @param perSecond > 0
   * @param burst what may come at once, >= 1
   * @param nowMs monotonic milliseconds
   */
  constructor(perSecond: number, burst: number, nowMs: number) {
    this.#perMs = perSecond / 1000;
    this.#burst = burst;
    this.#tokens = burst;
    this.#at = nowMs;
  }

  /** Takes `count` when they are there; false changes nothing. */
  take(nowMs: number, count = 1): boolean {
    const gained = Math.max(0, nowMs - this.#at) * this.#perMs;
    this.#tokens = Math.min(this.#burst, this.#tokens + gained);
    this.#at = nowMs;
    if (this.#tokens < count) return false;
    this.#tokens -= count;
    return true;
  }
}
