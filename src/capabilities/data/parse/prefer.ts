/**
 * The `Prefer` header (RFC 7240) as docs.postgrest.org, "Preferences", defines it: a closed list of
 * `name=value` tokens, of which the first of each name counts. What is not on it, or cannot be
 * honoured here, is ignored unless `handling=strict` asks for a refusal (PGRST122).
 */
import { errors } from "../errors.ts";

export interface Preferences {
  readonly resolution: "merge-duplicates" | "ignore-duplicates" | null;
  readonly missing: "default" | "null" | null;
  readonly return: "minimal" | "headers-only" | "representation" | null;
  readonly count: "exact" | "planned" | "estimated" | null;
  /** How the transaction ends; null also where `db_tx_end` leaves no choice. */
  readonly tx: "commit" | "rollback" | null;
  readonly handling: "strict" | "lenient" | null;
  /** A name of `pg_timezone_names`; local setting of the transaction. */
  readonly timezone: string | null;
  /** Rows a mutation or call may touch; only under `handling=strict`. */
  readonly maxAffected: number | null;
}

/** What is on offer to this request. */
export interface PreferRules {
  readonly timezones: ReadonlySet<string>;
  /** `db_tx_end` ends with `-allow-override`. */
  readonly allowsTx: boolean;
}

const NO_RULES: PreferRules = Object.freeze({ timezones: new Set<string>(), allowsTx: false });

export const NO_PREFERENCES: Preferences = Object.freeze({
  resolution: null,
  missing: null,
  return: null,
  count: null,
  tx: null,
  handling: null,
  timezone: null,
  maxAffected: null,
});

const KNOWN: ReadonlySet<string> = new Set([
  "resolution=merge-duplicates",
  "resolution=ignore-duplicates",
  "missing=default",
  "missing=null",
  "return=minimal",
  "return=headers-only",
  "return=representation",
  "count=exact",
  "count=planned",
  "count=estimated",
  "tx=commit",
  "tx=rollback",
  "handling=strict",
  "handling=lenient",
]);

export function parsePrefer(header: string | null, rules: PreferRules = NO_RULES): Preferences {
  if (header === null || header === "") return NO_PREFERENCES;
  const found: Record<string, string> = {};
  const invalid: string[] = [];
  for (const token of header.split(",").map((t) => t.trim())) {
    if (token === "") continue;
    const equals = token.indexOf("=");
    const name = token.slice(0, Math.max(equals, 0));
    const value = token.slice(equals + 1);
    if (isAcceptable(token, name, value, rules)) found[name] ??= value;
    else invalid.push(token);
  }
  const isStrict = found["handling"] === "strict";
  if (isStrict && invalid.length > 0) throw errors.PGRST122(invalid);
  const { "max-affected": limit, tx, ...known } = found;
  return {
    ...NO_PREFERENCES,
    ...known,
    tx: rules.allowsTx ? ((tx ?? null) as Preferences["tx"]) : null,
    maxAffected: isStrict ? rowsOf(limit) : null,
  };
}

function isAcceptable(token: string, name: string, value: string, rules: PreferRules): boolean {
  if (name === "timezone") return rules.timezones.has(value);
  // A limit that is no number is no limit, but it is not unknown either.
  return name === "max-affected" || KNOWN.has(token);
}

function rowsOf(limit: string | undefined): number | null {
  return limit !== undefined && /^-?\d{1,15}$/.test(limit) ? Number(limit) : null;
}

export type PreferenceName = keyof Preferences;

/** Which preferences each kind of request honours. */
export const HONOURED = {
  read: ["count", "tx", "handling", "timezone"],
  insert: ["resolution", "missing", "return", "count", "tx", "handling", "timezone"],
  update: ["missing", "return", "count", "tx", "handling", "timezone", "maxAffected"],
  put: ["return", "count", "tx", "handling", "timezone"],
  delete: ["return", "count", "tx", "handling", "timezone", "maxAffected"],
  call: ["count", "tx", "handling", "timezone", "maxAffected"],
} as const satisfies Readonly<Record<string, readonly PreferenceName[]>>;

/** `Preference-Applied` in the order of `Preferences`, or null when nothing was asked for. */
export function appliedHeader(
  preferences: Preferences,
  honoured: readonly PreferenceName[],
): string | null {
  if (preferences === NO_PREFERENCES) return null;
  const applied = ORDER.flatMap((name) => {
    const value = preferences[name];
    if (value === null || !honoured.includes(name)) return [];
    return [`${name === "maxAffected" ? "max-affected" : name}=${value}`];
  });
  return applied.length === 0 ? null : applied.join(", ");
}

const ORDER = Object.keys(NO_PREFERENCES) as PreferenceName[];
