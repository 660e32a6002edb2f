/**
 * Verifies access tokens: one piece of code for auth in this process and for servers whose auth is
 * elsewhere. A key has one algorithm, which the token must name and never chooses; a header member
 * that would change how the token is read is a reason to refuse it (RFC 8725 §3).
 */
import {
  createHmac,
  createPublicKey,
  createSecretKey,
  type KeyObject,
  timingSafeEqual,
  verify as verifySignature,
} from "node:crypto";
import { type CredentialFault, coreErrors } from "../../core/errors.ts";
import { isPermission } from "../../core/permissions.ts";
import type { Principal } from "../../core/ports/auth.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { SigningAlgorithm } from "../../core/project.ts";
import { LruMap } from "../lru-map.ts";
import { type CompactToken, parseCompactToken } from "./compact-token.ts";
import { algorithmOf } from "./signing-key.ts";

export type PublicJwk = Readonly<Record<string, unknown>>;
type MaybePromise<T> = T | Promise<T>;

export interface TokenVerifierOptions {
  /**
   * The verifying key of this id, the same object each time; null when there is none (any more).
   * A token of HS256 need not name its key: then the id is empty.
   */
  key(kid: string): MaybePromise<PublicJwk | null>;
  /** `iss` that tokens must carry, exactly. */
  issuer(): MaybePromise<string>;
  readonly clock: Clock;
  /** Verified tokens remembered, each at most until it expires. Default 10,000; 0 = none. */
  readonly cacheMax?: number;
}

export interface TokenVerifier {
  /** Who the token proves. At once when everything needed is at hand. @throws bad_credential */
  verify(token: string): MaybePromise<Principal>;
}

const AUDIENCE = "authenticated";
/** How far the issuer's clock may be ahead of ours. */
const AHEAD_S = 60;
const ALGORITHMS = new Set<unknown>(["ES256", "EdDSA", "HS256"]);
const HEADER_MEMBERS = new Set(["alg", "kid", "typ"]);
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const ROLE = /^[a-z_][a-z0-9_]{0,62}$/;
/** Roles that own things or read the whole cluster, here and at managed providers. */
const FORBIDDEN_ROLES = new Set([
  ...["postgres", "authenticator", "reactor", "supabase_admin", "supabase_auth_admin"],
  ...["rds_superuser", "rdsadmin", "cloudsqlsuperuser", "cloudsqladmin", "azure_pg_admin"],
  ...["none", "public"],
]);

interface VerifyingKey {
  readonly alg: SigningAlgorithm;
  readonly key: KeyObject;
}

interface Remembered {
  readonly principal: Principal;
  /** Compared by identity: a key that was withdrawn takes its tokens with it. */
  readonly key: PublicJwk;
  readonly kid: string;
  readonly issuer: string;
}

export function createTokenVerifier(options: TokenVerifierOptions): TokenVerifier {
  const { clock, cacheMax = 10_000 } = options;
  const remembered = new LruMap<string, Remembered>(Math.max(1, cacheMax));
  const imported = new WeakMap<PublicJwk, VerifyingKey>();

  const check = (token: string, parsed: CompactToken, key: PublicJwk | null, issuer: string) => {
    if (!key) throw refused("it was signed by an unknown key", "unknown_key");
    checkSignature(parsed, verifyingKey(imported, key));
    const principal = checkClaims(parsed, issuer, clock.now() / 1_000);
    const kid = kidOf(parsed);
    if (cacheMax > 0) remembered.set(token, { principal, key, kid, issuer });
    return principal;
  };

  return {
    verify(token) {
      const known = remembered.get(token);
      const parsed = known ? null : parseCompactToken(token);
      const kid = known?.kid ?? (parsed ? kidOf(parsed) : "");
      const finish = (key: PublicJwk | null, issuer: string) => {
        if (known && known.key === key && known.issuer === issuer) {
          if (clock.now() < known.principal.expiresAt) return known.principal;
        }
        remembered.delete(token);
        return check(token, parsed ?? parseCompactToken(token), key, issuer);
      };
      const key = options.key(kid);
      const issuer = options.issuer();
      if (key instanceof Promise || issuer instanceof Promise) {
        return Promise.all([key, issuer]).then(([k, iss]) => finish(k, iss));
      }
      return finish(key, issuer);
    },
  };
}

/** The key's id, from a header that is exactly of our form. @throws bad_credential */
function kidOf({ header }: CompactToken): string {
  for (const name of Object.keys(header)) {
    // `crit`, `b64`, `jwk`, `jku`, `x5u`, `zip` … each changes what a token means, or who signed it.
    if (!HEADER_MEMBERS.has(name)) throw refused(`its header carries '${name}'`);
  }
  if (!ALGORITHMS.has(header["alg"])) throw refused("its algorithm is not one that is used here");
  if (header["typ"] !== undefined && header["typ"] !== "JWT") throw refused("its type is not JWT");
  const kid = header["kid"];
  if (kid === undefined && header["alg"] === "HS256") return "";
  if (typeof kid !== "string" || kid === "") throw refused("it names no key");
  return kid;
}

function verifyingKey(imported: WeakMap<PublicJwk, VerifyingKey>, jwk: PublicJwk): VerifyingKey {
  const known = imported.get(jwk);
  if (known) return known;
  const alg = algorithmOf(jwk);
  if (alg === null) throw refused("its key is not one that tokens are verified with");
  const fresh = { alg, key: keyObject(alg, jwk) };
  imported.set(jwk, fresh);
  return fresh;
}

function keyObject(alg: SigningAlgorithm, { kty, crv, x, y, k }: PublicJwk): KeyObject {
  if (alg === "HS256") return createSecretKey(Buffer.from(String(k), "base64url"));
  const key = alg === "ES256" ? { kty, crv, x, y } : { kty, crv, x };
  return createPublicKey({ key: key as JsonWebKey, format: "jwk" });
}

function checkSignature({ header, signed, signature }: CompactToken, use: VerifyingKey): void {
  // The public key as the secret of an HMAC, and every other mix of the two, ends here.
  if (header["alg"] !== use.alg) throw refused("its algorithm is not its key's");
  if (!isSigned(use, Buffer.from(signed), signature)) {
    throw refused("its signature does not verify", "bad_signature");
  }
}

function isSigned({ alg, key }: VerifyingKey, signed: Uint8Array, signature: Uint8Array): boolean {
  if (alg === "HS256") {
    const expected = createHmac("sha256", key).update(signed).digest();
    return signature.byteLength === expected.byteLength && timingSafeEqual(signature, expected);
  }
  if (alg === "EdDSA") return verifySignature(null, signed, key, signature);
  // r and s, 32 bytes each: Node reads other lengths as false, and DER only when asked to.
  return verifySignature("sha256", signed, { key, dsaEncoding: "ieee-p1363" }, signature);
}

function checkClaims(parsed: CompactToken, issuer: string, nowS: number): Principal {
  const { iss, aud, sub, role, exp, nbf, iat } = parsed.claims;
  if (!isTime(exp)) throw refused("it does not say when it expires");
  if (nowS >= exp) throw refused("it has expired", "expired");
  if (nbf !== undefined && !(isTime(nbf) && nbf <= nowS + AHEAD_S))
    throw refused("it is not valid yet", "not_yet_valid");
  if (iat !== undefined && !(isTime(iat) && iat <= nowS + AHEAD_S)) {
    throw refused("it was issued in the future", "issued_in_future");
  }
  if (iss !== issuer) throw refused("it is of another issuer");
  if (!(Array.isArray(aud) ? aud.includes(AUDIENCE) : aud === AUDIENCE)) {
    throw refused("it is for another audience", "other_audience");
  }
  if (typeof sub !== "string" || !UUID.test(sub)) throw refused("its subject is not a user id");
  if (!isAllowedRole(role)) throw refused("its role is not allowed");
  const limits = scopesIn(parsed.claims);
  const { claimsJson: claims } = parsed;
  return Object.freeze({ role, userId: sub, claims, expiresAt: exp * 1_000, ...limits });
}

/** An OAuth client's token may be limited by its scopes, as an API key is: those that are permissions. */
function scopesIn({ scoped, scope }: CompactToken["claims"]): Pick<Principal, "scopes"> {
  if (scoped === undefined) return {};
  const words = typeof scope === "string" ? scope.split(" ") : [];
  return { scopes: Object.freeze(words.filter(isPermission)) };
}

/** NumericDate (RFC 7519 §2); `JSON.parse` makes 1e400 infinite. */
function isTime(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

/** A role that requests may run as: none that owns things, or reads the whole cluster. */
export function isAllowedRole(role: unknown): role is string {
  if (typeof role !== "string" || !ROLE.test(role)) return false;
  return !FORBIDDEN_ROLES.has(role) && !role.startsWith("pg_");
}

function refused(why: string, fault?: CredentialFault) {
  return coreErrors.bad_credential(`The token was refused: ${why}`, fault);
}
