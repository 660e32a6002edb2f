/**
 * SQL by request shape: bounded, first in first out. A shape that is pushed out is compiled again,
 * which costs some tens of microseconds, so nothing cleverer is worth its bookkeeping.
 */

/**
 * A longer key is not kept: clients choose the shape, the SQL can be twenty times its key, and two
 * thousand of those would be the memory of a small machine.
 */
const KEY_CHARS_MAX = 4_096;

export class ShapeCache<T> {
  readonly #entries = new Map<string, T>();
  readonly #capacity: number;

  /** @param capacity >= 1. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get(key: string): T | undefined {
    return this.#entries.get(key);
  }

  set(key: string, value: T): void {
    if (key.length > KEY_CHARS_MAX) return;
    if (this.#entries.size >= this.#capacity) {
      const oldest = this.#entries.keys().next();
      if (!oldest.done) this.#entries.delete(oldest.value);
    }
    this.#entries.set(key, value);
  }

  get size(): number {
    return this.#entries.size;
  }
}
