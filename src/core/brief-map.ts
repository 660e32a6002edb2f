/**
 * A map for what comes and goes many times a second: calls under way, by their numbers. A `Map` or `Set`
 * of JavaScriptCore (Bun 1.4.5) makes itself a new table every few dozen changes, and the old one, as it
 * was, holds on to the new one. Once the garbage collector has moved one of them to the old generation
 * it keeps all that follow, and every value that was in them, until its next full collection: under load
 * that was four fifths of what lived, and a seventh of what a call of a function cost. Here the tables
 * are two arrays that are used again.
 */

const NONE = -1;
/** 2^32 through the golden ratio: numbers in a row are spread, and gaps close in a step or two. */
const SPREAD = 0x9e37_79b1;
const SLOTS_MIN = 64;
/** An empty map gives more than this back. */
const SLOTS_KEPT = 4_096;

/** Keys are integers from 0 on; nothing is found under other numbers, whoever asks for them. */
export class BriefMap<T extends NonNullable<unknown>> {
  #keys: number[] = [];
  #values: (T | undefined)[] = [];
  #mask = 0;
  #size = 0;

  constructor() {
    this.#empty(SLOTS_MIN);
  }

  get size(): number {
    return this.#size;
  }

  has(key: number): boolean {
    return this.get(key) !== undefined;
  }

  get(key: number): T | undefined {
    return this.#values[this.#slotOf(key)];
  }

  set(key: number, value: T): void {
    const slot = this.#slotOf(key);
    if (this.#keys[slot] === NONE) this.#size += 1;
    this.#keys[slot] = key;
    this.#values[slot] = value;
    if (this.#size * 2 > this.#mask) this.#grow();
  }

  /** False: there was none. */
  delete(key: number): boolean {
    const slot = this.#slotOf(key);
    if (this.#keys[slot] === NONE) return false;
    this.#size -= 1;
    this.#closeGap(slot);
    if (this.#size === 0 && this.#mask > SLOTS_KEPT) this.#empty(SLOTS_MIN);
    return true;
  }

  clear(): void {
    if (this.#size > 0) this.#empty(SLOTS_MIN);
  }

  /** As they are now, in order. */
  keys(): number[] {
    return this.#keys.filter((key) => key !== NONE).sort((a, b) => a - b);
  }

  /** As they are now, in the order of their keys. */
  values(): T[] {
    return this.keys().map((key) => this.get(key) as T);
  }

  #homeOf(key: number): number {
    return (Math.imul(key, SPREAD) >>> 8) & this.#mask;
  }

  /** Where the key is, or would be put. */
  #slotOf(key: number): number {
    let slot = this.#homeOf(key);
    for (;;) {
      const found = this.#keys[slot];
      if (found === key || found === NONE) return slot;
      slot = (slot + 1) & this.#mask;
    }
  }

  /** Moves up those that were put further on because a slot was taken (Knuth, volume 3, algorithm 6.4 R). */
  #closeGap(from: number): void {
    let gap = from;
    for (let slot = (gap + 1) & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const key = this.#keys[slot] ?? NONE;
      if (key === NONE) break;
      const fromHome = (slot - this.#homeOf(key)) & this.#mask;
      // It would come before its home.
      if (fromHome < ((slot - gap) & this.#mask)) continue;
      this.#keys[gap] = key;
      this.#values[gap] = this.#values[slot];
      gap = slot;
    }
    this.#keys[gap] = NONE;
    this.#values[gap] = undefined;
  }

  #grow(): void {
    const [keys, values] = [this.#keys, this.#values];
    this.#empty((this.#mask + 1) * 2);
    for (const [at, key] of keys.entries()) if (key !== NONE) this.set(key, values[at] as T);
  }

  #empty(slots: number): void {
    this.#keys = new Array<number>(slots).fill(NONE);
    this.#values = new Array<T | undefined>(slots).fill(undefined);
    this.#mask = slots - 1;
    this.#size = 0;
  }
}
