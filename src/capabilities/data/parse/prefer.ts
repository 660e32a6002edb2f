/** The `Prefer` header (RFC 7240) as docs.postgrest.org, "Preferences", defines it. */
import { errors } from "../errors.ts";

export interface Preferences {
  readonly count: "exact" | "planned" | "estimated" | null;
  readonly return: "minimal" | "headers-only" | "representation" | null;
  readonly resolution: "merge-duplicates" | "ignore-duplicates" | null;
  readonly missing: "default" | "null" | null;
  readonly handling: "strict" | "lenient" | null;
  /** Rows a mutation may touch; only under `handling=strict`. */
  readonly maxAffected: number | null;
}

export const NO_PREFERENCES: Preferences = Object.freeze({
  count: null,
  return: null,
  resolution: null,
  missing: null,
  handling: null,
  maxAffected: null,
});

const KNOWN: Readonly<Record<string, readonly string[]>> = {
  count: ["exact", "planned", "estimated"],
  return: ["minimal", "headers-only", "representation"],
  resolution: ["merge-duplicates", "ignore-duplicates"],
  missing: ["default", "null"],
  handling: ["strict", "lenient"],
};

/** The first value of each preference counts. Unknown ones are ignored unless `handling=strict`. */
export function parsePrefer(header: string | null): Preferences {
  if (header === null || header === "") return NO_PREFERENCES;
  const found: Record<string, string> = {};
  const invalid: string[] = [];
  let maxAffected: number | null = null;
  for (const token of header.split(",").map((t) => t.trim())) {
    if (token === "") continue;
    const [name = "", value = ""] = token.split("=").map((t) => t.trim());
    if (name === "max-affected" && /^\d{1,9}$/.test(value)) maxAffected ??= Number(value);
    else if (Object.hasOwn(KNOWN, name) && KNOWN[name]?.includes(value)) found[name] ??= value;
    else invalid.push(token);
  }
  const strict = found["handling"] === "strict";
  if (strict && invalid.length > 0) throw errors.PGRST122(invalid);
  const known = found as Partial<Omit<Preferences, "maxAffected">>;
  return { ...NO_PREFERENCES, ...known, maxAffected: strict ? maxAffected : null };
}

/** Which preferences a kind of request honours, in the order in which they are reported. */
export type PreferenceName = Exclude<keyof Preferences, "maxAffected">;

/** `Preference-Applied`, or null when nothing applied. */
export function appliedHeader(
  preferences: Preferences,
  honoured: readonly PreferenceName[],
): string | null {
  const applied = honoured.flatMap((name) =>
    preferences[name] === null ? [] : [`${name}=${preferences[name]}`],
  );
  if (preferences.maxAffected !== null) applied.push(`max-affected=${preferences.maxAffected}`);
  return applied.length === 0 ? null : applied.join(", ");
}
