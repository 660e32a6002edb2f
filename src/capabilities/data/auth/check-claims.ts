/**
 * The claims that say whether a token counts now and here (docs.postgrest.org, "JWT Claims
 * Validation"): exp, nbf, iat with 30 seconds for differing clocks, and aud. In that order: the
 * first that says no is the answer.
 */
import { refusedClaims } from "./token-errors.ts";

/** How far clocks may differ, seconds. */
export const LEEWAY_S = 30;
/** No date lies beyond it: a number that large counts as past, so that no token is eternal by it. */
const LATEST_S = 2 ** 63;

type Claims = Readonly<Record<string, unknown>>;

/** @param audience "" where any will do. @throws PGRST303 */
export function checkClaims(claims: Claims, nowMs: number, audience: string): void {
  const nowS = Math.floor(nowMs / 1_000);
  const exp = timeOf(claims, "exp");
  if (exp !== null && (nowS - LEEWAY_S > exp || exp >= LATEST_S)) throw refusedClaims.expired();
  if (isFuture(timeOf(claims, "nbf"), nowS)) throw refusedClaims.notYetValid();
  if (isFuture(timeOf(claims, "iat"), nowS)) throw refusedClaims.issuedAtFuture();
  const audiences = audiencesOf(claims["aud"]);
  if (audience === "" || audiences === null || audiences.includes(audience)) return;
  throw refusedClaims.notInAudience();
}

/** Milliseconds since the epoch from which the token counts no more; Infinity without `exp`. */
export function expiryOf(claims: Claims): number {
  const exp = claims["exp"];
  return typeof exp === "number" ? (exp + LEEWAY_S) * 1_000 : Number.POSITIVE_INFINITY;
}

function isFuture(time: number | null, nowS: number): boolean {
  return time !== null && time > nowS + LEEWAY_S;
}

/** Seconds since the epoch, with or without a fraction (RFC 7519 §2); null counts as absent. */
function timeOf(claims: Claims, name: string): number | null {
  const value = claims[name];
  if (value === undefined || value === null) return null;
  if (typeof value !== "number") throw refusedClaims.notNumber(name);
  return value;
}

/** Null for everybody, which an empty list means, too; an empty text is nobody. */
function audiencesOf(aud: unknown): readonly string[] | null {
  if (aud === undefined || aud === null) return null;
  if (typeof aud === "string") return [aud];
  if (!Array.isArray(aud) || !aud.every((one) => typeof one === "string")) {
    throw refusedClaims.badAudience();
  }
  return aud.length === 0 ? null : aud;
}
