/**
 * Why a token is refused, in PostgREST's words: the messages of PGRST301 (it cannot be verified) and
 * PGRST303 (its claims say no).
 */
import { errors } from "../errors.ts";

export const undecodable = {
  empty: () => errors.PGRST301("Empty JWT is sent in Authorization header"),
  parts: (count: number) => errors.PGRST301(`Expected 3 parts in JWT; got ${count}`),
  /** A key, which has no parts: what is wrong with it stands beside PostgREST's words. */
  key: (why: string | null) => errors.PGRST301("Expected 3 parts in JWT; got 1", why ?? undefined),
  /** Not base64url, no JSON header, or an algorithm that nobody knows. */
  malformed: () => errors.PGRST301("JWT cryptographic operation failed"),
  unsecured: () =>
    errors.PGRST301(
      "Wrong or unsupported encoding algorithm",
      "JWT is unsecured but expected 'alg' was not 'none'",
    ),
  noKey: () =>
    errors.PGRST301(
      "No suitable key or wrong key type",
      "No suitable key was found to decode the JWT",
    ),
  badSignature: () =>
    errors.PGRST301(
      "No suitable key or wrong key type",
      "None of the keys was able to decode the JWT",
    ),
} as const;

export const refusedClaims = {
  unreadable: () => errors.PGRST303("Parsing claims failed"),
  expired: () => errors.PGRST303("JWT expired"),
  notYetValid: () => errors.PGRST303("JWT not yet valid"),
  issuedAtFuture: () => errors.PGRST303("JWT issued at future"),
  notInAudience: () => errors.PGRST303("JWT not in audience"),
  notNumber: (claim: string) => errors.PGRST303(`The JWT '${claim}' claim must be a number`),
  badAudience: () => errors.PGRST303("The JWT 'aud' claim must be a string or an array of strings"),
} as const;
