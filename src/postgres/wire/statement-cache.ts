/**
 * The prepared statements of one connection, least recently used first out. A statement is named
 * by role + SQL, because a plan under row security belongs to one role and two roles taking turns
 * on one name make Postgres plan again each time (measured: half the throughput).
 *
 * Bounded by length as well as by number: a backend holds a statement's whole tree for as long as it
 * is named (measured: 60 MB for a select of 600 embedded resources), and clients choose the shape.
 */

/** A longer statement is never named. */
const KEY_CHARS_MAX = 16_384;
/** All keys of one connection together. */
const TOTAL_CHARS_MAX = 262_144;

export interface Statement {
  readonly key: string;
  /** Name on the server, unique for the life of the connection; empty for the unnamed statement. */
  readonly name: string;
  /** False until the server confirmed it: only then may other queries in the pipeline lean on it. */
  isReady: boolean;
  /** Column names once described. */
  columns: readonly string[];
}

export class StatementCache {
  readonly #limit: number;
  readonly #byKey = new Map<string, Statement>();
  /** Names to close with the next flush. */
  #evicted: string[] = [];
  #counter = 0;
  #chars = 0;

  /** `limit` 0 keeps nothing: every statement is unnamed (for transaction poolers). */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#byKey.size;
  }

  /**
   * The statement for this key. `isReady` means bind it as it is; otherwise parse it first, under
   * its name. While another query's Parse is unconfirmed the answer is an unnamed statement, so
   * that no query fails because the one before it did.
   */
  acquire(key: string): Statement {
    const known = this.#byKey.get(key);
    if (known?.isReady) {
      this.#byKey.delete(key);
      this.#byKey.set(key, known);
      return known;
    }
    if (known || this.#limit === 0 || key.length > KEY_CHARS_MAX) {
      return { key, name: "", isReady: false, columns: [] };
    }
    const statement: Statement = {
      key,
      name: `r${this.#counter++}`,
      isReady: false,
      columns: [],
    };
    this.#byKey.set(key, statement);
    this.#chars += key.length;
    while (this.#byKey.size > this.#limit || this.#chars > TOTAL_CHARS_MAX) {
      if (!this.#evictOldest()) break;
    }
    return statement;
  }

  /** Forgets a statement that failed to parse or went stale; closing an unknown name is harmless. */
  drop(statement: Statement): void {
    if (statement.name === "" || this.#byKey.get(statement.key) !== statement) return;
    this.#forget(statement);
  }

  /** Names that the next flush must close first. */
  takeEvicted(): readonly string[] {
    if (this.#evicted.length === 0) return this.#evicted;
    const names = this.#evicted;
    this.#evicted = [];
    return names;
  }

  /** False when every statement waits for its confirmation. */
  #evictOldest(): boolean {
    for (const statement of this.#byKey.values()) {
      if (!statement.isReady) continue;
      this.#forget(statement);
      return true;
    }
    return false;
  }

  #forget(statement: Statement): void {
    this.#byKey.delete(statement.key);
    this.#chars -= statement.key.length;
    this.#evicted.push(statement.name);
  }
}
