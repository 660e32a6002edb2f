/**
 * How long each kind of query took of late. What is slow, or was never seen, gets a connection with
 * nobody behind it: a pipeline is only as quick as its slowest query. What is quick shares a few.
 */

const MAX_KINDS = 2_000;
/** Longer kinds are not remembered and so count as slow, which such statements are. */
const KIND_CHARS_MAX = 16_384;
const SLOW_MS = 10;
const QUICK_MS = 1;
/** Weight of the newest run. */
const WEIGHT = 0.25;

export class QueryCosts {
  readonly #byKind = new Map<string, number>();

  /** `kind` is role + SQL. */
  isSlow(kind: string): boolean {
    const costMs = this.#byKind.get(kind);
    return costMs === undefined || costMs > SLOW_MS;
  }

  /** Known to be over before a connection of its own would have helped. */
  isQuick(kind: string): boolean {
    const costMs = this.#byKind.get(kind);
    return costMs !== undefined && costMs <= QUICK_MS;
  }

  note(kind: string, durationMs: number): void {
    if (kind.length > KIND_CHARS_MAX) return;
    const costMs = this.#byKind.get(kind);
    const next = costMs === undefined ? durationMs : costMs + WEIGHT * (durationMs - costMs);
    this.#byKind.set(kind, next);
    if (this.#byKind.size <= MAX_KINDS) return;
    for (const oldest of this.#byKind.keys()) {
      this.#byKind.delete(oldest);
      return;
    }
  }
}
