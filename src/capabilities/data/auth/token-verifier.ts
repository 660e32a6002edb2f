/**
 * From a bearer token to who asks, as PostgREST does it: the signature by `jwt_secret`, the claims by
 * the clock, the role by `jwt_role_claim_key`. What a key has verified is remembered; the claims are
 * looked at again each time, so that no token outlives its `exp`.
 */
import type { Principal } from "../../../core/ports/auth.ts";
import type { Clock } from "../../../core/ports/clock.ts";
import { LruMap } from "../../../shared/lru-map.ts";
import { errors } from "../errors.ts";
import { checkClaims, expiryOf } from "./check-claims.ts";
import { claimsWithRole } from "./claims-text.ts";
import { type JsPath, walkJsPath } from "./js-path.ts";
import { parseToken } from "./parse-token.ts";
import { refusedClaims, undecodable } from "./token-errors.ts";
import type { VerificationKey } from "./verification-keys.ts";

export interface TokenRules {
  readonly keys: readonly VerificationKey[];
  /** `aud` that must be among a token's; "" = any. */
  readonly audience: string;
  readonly rolePath: JsPath;
  /** Role of a token that names none; null: such a token is nobody's. */
  readonly anonRole: string | null;
  /** Verified tokens remembered; 0 = none. */
  readonly cacheMax: number;
}

/** What becomes of the cache, for metrics. */
export interface TokenCacheEvents {
  onLookup(isHit: boolean): void;
  onEviction(): void;
}

export interface TokenVerifier {
  /** @throws PGRST301, PGRST302, PGRST303 */
  verify(token: string): Principal;
}

interface Verified {
  readonly claims: Readonly<Record<string, unknown>>;
  /** Null: without a role, and anonymous access is off. */
  readonly principal: Principal | null;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function createTokenVerifier(
  rules: TokenRules,
  clock: Clock,
  events: TokenCacheEvents,
): TokenVerifier {
  const verified = new LruMap<string, Verified>(Math.max(1, rules.cacheMax));
  const remember = (token: string, entry: Verified) => {
    if (rules.cacheMax === 0) return;
    if (verified.size >= rules.cacheMax) events.onEviction();
    verified.set(token, entry);
  };
  return {
    verify(token) {
      const known = verified.get(token);
      events.onLookup(known !== undefined);
      const entry = known ?? verifyOnce(rules, token);
      if (!known) remember(token, entry);
      checkClaims(entry.claims, clock.now(), rules.audience);
      if (!entry.principal) throw errors.PGRST302();
      return entry.principal;
    },
  };
}

/** @throws PGRST301; PGRST303 for claims that are no object */
function verifyOnce(rules: TokenRules, token: string): Verified {
  const { algorithm, kid, claimsJson, signed, signature } = parseToken(token);
  const suitable = rules.keys.filter(
    (key) => key.algorithms.has(algorithm) && (kid === null || key.kid === kid),
  );
  if (suitable.length === 0) throw undecodable.noKey();
  if (!suitable.some((key) => key.verify(algorithm, signed, signature))) {
    throw undecodable.badSignature();
  }
  const claims = readClaims(claimsJson);
  const role = roleOf(claims, rules);
  return { claims, principal: role === null ? null : principalOf(role, claims, claimsJson) };
}

function readClaims(json: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw refusedClaims.unreadable();
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw refusedClaims.unreadable();
  }
  return value as Record<string, unknown>;
}

/** A role that is no text is taken as its JSON, which no role is called. */
function roleOf(claims: Readonly<Record<string, unknown>>, rules: TokenRules): string | null {
  const found = walkJsPath(claims, rules.rolePath);
  if (found === undefined) return rules.anonRole;
  const role = typeof found === "string" ? found : JSON.stringify(found);
  // "none" would be the login itself (PostgreSQL, "SET ROLE"), and no name holds NUL.
  if (role === "none" || role.includes("\0")) throw errors.role_unknown(role);
  return role;
}

function principalOf(
  role: string,
  claims: Readonly<Record<string, unknown>>,
  claimsJson: string,
): Principal {
  const { sub } = claims;
  return Object.freeze({
    role,
    userId: typeof sub === "string" && UUID.test(sub) ? sub : null,
    claims: claimsWithRole(claimsJson, claims, role),
    expiresAt: expiryOf(claims),
  });
}
