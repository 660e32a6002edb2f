/**
 * The prepared statements of one connection, one for each kind, least recently used first out.
 *
 * Bounded by length as well as by number: a backend holds a statement's whole tree for as long as it
 * is named (measured: 60 MB for a select of 600 embedded resources), and clients choose the shape.
 */

import type { StatementKind } from "./statement-kinds.ts";

/** A longer statement is never named. */
const KIND_CHARS_MAX = 16_384;
/** All statements of one connection together. */
const TOTAL_CHARS_MAX = 262_144;

export interface Statement {
  readonly kind: StatementKind;
  /** Name on the server, unique for the life of the connection; empty for the unnamed statement. */
  readonly name: string;
  /** False until the server confirmed it: only then may other queries in the pipeline lean on it. */
  isReady: boolean;
  /** Column names once described. */
  columns: readonly string[];
  /** The cache's count of uses when it was used last. */
  usedAt: number;
}

export class StatementCache {
  readonly #limit: number;
  readonly #byKind = new Map<StatementKind, Statement>();
  /** Names to close with the next flush. */
  #evicted: string[] = [];
  #counter = 0;
  #chars = 0;
  #uses = 0;

  /** `limit` 0 keeps nothing: every statement is unnamed (for transaction poolers). */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#byKind.size;
  }

  /**
   * The statement of this kind. `isReady` means bind it as it is; otherwise parse it first, under
   * its name. While another query's Parse is unconfirmed the answer is an unnamed statement, so
   * that no query fails because the one before it did.
   */
  acquire(kind: StatementKind): Statement {
    const known = this.#byKind.get(kind);
    this.#uses += 1;
    if (known?.isReady) {
      known.usedAt = this.#uses;
      return known;
    }
    if (known || this.#limit === 0 || kind.chars > KIND_CHARS_MAX) return this.#made(kind, "");
    const statement = this.#made(kind, `r${this.#counter++}`);
    this.#byKind.set(kind, statement);
    this.#chars += kind.chars;
    while (this.#byKind.size > this.#limit || this.#chars > TOTAL_CHARS_MAX) {
      if (!this.#evictOldest()) break;
    }
    return statement;
  }

  #made(kind: StatementKind, name: string): Statement {
    return { kind, name, isReady: false, columns: [], usedAt: this.#uses };
  }

  /** Forgets a statement that failed to parse or went stale; closing an unknown name is harmless. */
  drop(statement: Statement): void {
    if (statement.name === "" || this.#byKind.get(statement.kind) !== statement) return;
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
    let oldest: Statement | null = null;
    for (const statement of this.#byKind.values()) {
      if (!statement.isReady) continue;
      if (!oldest || statement.usedAt < oldest.usedAt) oldest = statement;
    }
    if (oldest) this.#forget(oldest);
    return oldest !== null;
  }

  #forget(statement: Statement): void {
    this.#byKind.delete(statement.kind);
    this.#chars -= statement.kind.chars;
    this.#evicted.push(statement.name);
  }
}
