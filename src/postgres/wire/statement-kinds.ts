/**
 * The kinds of statements that a pool sends, each one object: a request finds it once, and whoever
 * needs it later holds it (its text is a kilobyte, and was hashed five times a query).
 *
 * A query's kind is its role and its SQL, because a plan under row security belongs to one role and
 * two roles taking turns on one name make Postgres plan again each time (measured: half the
 * throughput). It also knows how long the query took of late: what is slow, or was never seen, gets a
 * connection with nobody behind it, since a pipeline is only as quick as its slowest query.
 */
import type { UserQuery } from "../../core/ports/database.ts";

/** Kinds of queries remembered; the oldest go. */
const QUERIES_MAX = 2_000;
/** Other statements: settings, what runs before, blocks. Their texts come from code and configuration. */
const OTHERS_MAX = 500;
/** Longer statements are not remembered and so count as slow, which they are. */
const QUERY_CHARS_MAX = 16_384;
const SLOW_MS = 10;
/** At most this long takes what is quick. */
export const QUICK_MS = 1;
/** So many runs of a kind share no transaction after one that failed in one. */
const RUNS_ALONE = 64;
/** Weight of the newest run. */
const WEIGHT = 0.25;

export class StatementKind {
  /** What a backend has to keep of it, in characters. */
  readonly chars: number;
  #costMs: number | undefined = undefined;
  #runsAlone = 0;

  constructor(chars: number) {
    this.chars = chars;
  }

  /** It may hold up who waits behind it. */
  get isSlow(): boolean {
    return this.#costMs === undefined || this.#costMs > SLOW_MS;
  }

  /** Known to be over before a connection of its own would have helped. */
  get isQuick(): boolean {
    return this.#costMs !== undefined && this.#costMs <= QUICK_MS;
  }

  /** Known to hold up nobody who shares a transaction with it, and of late to fail nobody. */
  get mayShare(): boolean {
    return this.isQuick && this.#runsAlone === 0;
  }

  /** One of this kind has failed in a shared transaction, and what came after it must run again. */
  keepAlone(): void {
    this.#runsAlone = RUNS_ALONE;
  }

  /** Nobody knows which of those in a shared transaction took long: the next one shows it alone. */
  forget(): void {
    this.#costMs = undefined;
  }

  note(durationMs: number): void {
    if (this.#runsAlone > 0) this.#runsAlone -= 1;
    const costMs = this.#costMs ?? durationMs;
    this.#costMs = costMs + WEIGHT * (durationMs - costMs);
  }
}

type Settings = UserQuery["settings"];

interface SettingsKind {
  readonly readOnly: boolean;
  readonly roleSettings: Settings;
  readonly settings: Settings;
  readonly kind: StatementKind;
  readonly again: StatementKind;
}

const NONE: Settings = [];

/** Names are literals of one call site, so that the comparison is one of pointers. */
function haveSameNames(left: Settings, right: Settings): boolean {
  if (left.length !== right.length) return false;
  for (let at = 0; at < left.length; at += 1) if (left[at]?.[0] !== right[at]?.[0]) return false;
  return true;
}

const namesOf = (settings: Settings) => settings.map(([name]) => name).join(",");

export class StatementKinds {
  /** By SQL, then by role. */
  readonly #queries = new Map<string, Map<string, StatementKind>>();
  readonly #others = new Map<string, StatementKind>();
  #count = 0;
  #lastSettings: SettingsKind | null = null;

  /** The kind of a user's query. */
  query(role: string, sql: string): StatementKind {
    let byRole = this.#queries.get(sql);
    const known = byRole?.get(role);
    if (known) return known;
    const kind = new StatementKind(role.length + sql.length);
    if (kind.chars > QUERY_CHARS_MAX) return kind;
    if (!byRole) {
      byRole = new Map();
      this.#queries.set(sql, byRole);
    }
    byRole.set(role, kind);
    this.#count += 1;
    if (this.#count > QUERIES_MAX) this.#forgetOldest();
    return kind;
  }

  /** The kind of the settings statement: the names decide, values are parameters. */
  settings(query: UserQuery): StatementKind {
    return this.#settingsOf(query).kind;
  }

  /**
   * The same for settings made once more in one transaction. Postgres plans a statement anew when the
   * search path is another than at its last use, and this one always meets the path that it sets itself.
   */
  settingsAgain(query: UserQuery): StatementKind {
    return this.#settingsOf(query).again;
  }

  #settingsOf({ settings, roleSettings = NONE, readOnly = false }: UserQuery): SettingsKind {
    const last = this.#lastSettings;
    if (
      last?.readOnly === readOnly &&
      haveSameNames(settings, last.settings) &&
      haveSameNames(roleSettings, last.roleSettings)
    ) {
      return last;
    }
    const text = `${readOnly ? "ro" : "rw"}:${namesOf(roleSettings)}:${namesOf(settings)}`;
    const [kind, again] = [this.other(text), this.other(`again:${text}`)];
    this.#lastSettings = { readOnly, roleSettings, settings, kind, again };
    return this.#lastSettings;
  }

  /** The kind of any other statement; no query has it. */
  other(text: string): StatementKind {
    let kind = this.#others.get(text);
    if (kind) return kind;
    kind = new StatementKind(text.length);
    if (this.#others.size >= OTHERS_MAX) this.#others.clear();
    this.#others.set(text, kind);
    return kind;
  }

  #forgetOldest(): void {
    for (const [sql, byRole] of this.#queries) {
      this.#queries.delete(sql);
      this.#count -= byRole.size;
      return;
    }
  }
}
