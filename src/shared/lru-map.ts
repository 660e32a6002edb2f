/**
 * A bounded map that forgets what has not been used for long. Caches and in-memory limiters stand on it.
 *
 * A use only marks its entry; who is marked is passed over once when room is needed ("second chance", as
 * pages are replaced). To move each entry that is used, as a strict order would have it, costs a `Map`
 * two changes, and the garbage collector its tables (`core/brief-map.ts`).
 */
export class LruMap<K, V> {
  readonly #entries = new Map<K, Entry<V>>();
  readonly #max: number;

  /** @param max entries kept, >= 1. */
  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The value, which is in use. */
  get(key: K): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    entry.isUsed = true;
    return entry.value;
  }

  set(key: K, value: V): void {
    const known = this.#entries.get(key);
    if (known) {
      known.value = value;
      known.isUsed = true;
      return;
    }
    if (this.#entries.size >= this.#max) this.#forgetOne();
    this.#entries.set(key, { value, isUsed: false });
  }

  /** The first that has not been used since it was passed over, or came. */
  #forgetOne(): void {
    for (const [key, entry] of this.#entries) {
      this.#entries.delete(key);
      if (!entry.isUsed) return;
      entry.isUsed = false;
      this.#entries.set(key, entry);
    }
  }

  delete(key: K): boolean {
    return this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
  }
}

interface Entry<V> {
  value: V;
  isUsed: boolean;
}
