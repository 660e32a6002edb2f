/** Durations as GoTrue's clients send them (`24h`, `1h30m`, `300ms`): Go's notation. */
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const WHOLE = /^(?:\d{1,9}(?:\.\d{1,9})?(?:ms|s|m|h)){1,4}$/;
const PART = /(\d+(?:\.\d+)?)(ms|s|m|h)/g;
/** A hundred years: further out, dates stop being dates. */
const MAX_MS = 100 * 365 * 24 * 3_600_000;

/** Milliseconds, at most a hundred years; null when `text` is no such duration. */
export function parseBanDuration(text: string): number | null {
  if (!WHOLE.test(text)) return null;
  let totalMs = 0;
  for (const [, count, unit] of text.matchAll(PART)) {
    totalMs += Number(count) * (UNIT_MS[unit ?? ""] ?? 0);
  }
  return Math.min(totalMs, MAX_MS);
}
