/**
 * Verifies an id token (OpenID Connect Core 1.0 §3.1.3.7): signature by one of the issuer's public
 * keys, issuer, audience and authorized party, times, nonce and the hash of the access token.
 */
import { timingSafeEqual } from "node:crypto";
import { type JWTPayload, jwtVerify } from "jose";
import type { IssuerDirectory, IssuerMetadata } from "./discovery.ts";
import { issuedBy } from "./discovery.ts";

/** Signatures only: `none` and shared secrets are never taken. */
const ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "EdDSA",
];
/** JSON of an id token with many groups is some KiB. */
const TOKEN_LENGTH_MAX = 16 * 1024;
const CLOCK_TOLERANCE_S = 60;
/** A token that was issued earlier is a find, not a sign-in. */
const AGE_MAX_S = 24 * 60 * 60;

export interface IdTokenExpectation {
  readonly metadata: IssuerMetadata;
  /** One of them must be the audience. */
  readonly clientIds: readonly string[];
  /** As it must stand in the token; null = not looked at. */
  readonly nonce: string | null;
  /** What `at_hash` is made of; null = not looked at. */
  readonly accessToken: string | null;
  /** Now, milliseconds. */
  readonly nowMs: number;
}

/** Rejects with an Error that says which check failed. */
export async function verifyIdToken(
  directory: IssuerDirectory,
  token: string,
  expected: IdTokenExpectation,
): Promise<JWTPayload> {
  if (token.length > TOKEN_LENGTH_MAX) throw new Error("the id token is too long");
  const { payload, protectedHeader } = await jwtVerify(
    token,
    directory.keys(expected.metadata.jwksUrl),
    {
      algorithms: ALGORITHMS,
      audience: [...expected.clientIds],
      requiredClaims: ["iss", "sub", "aud", "exp", "iat"],
      clockTolerance: CLOCK_TOLERANCE_S,
      maxTokenAge: AGE_MAX_S,
      currentDate: new Date(expected.nowMs),
    },
  );
  if (!issuedBy(expected.metadata, payload.iss, payload["tid"])) {
    throw new Error("the id token is of another issuer");
  }
  checkParty(payload, expected.clientIds);
  if (expected.nonce !== null && !isSame(payload["nonce"], expected.nonce)) {
    throw new Error("the id token has another nonce");
  }
  checkAccessToken(payload, protectedHeader.alg, expected.accessToken);
  return payload;
}

/** §3.1.3.7, 4 and 5: with several audiences the token must say that we are the party. */
function checkParty({ aud, azp }: JWTPayload, clientIds: readonly string[]): void {
  const isShared = Array.isArray(aud) && aud.length > 1;
  if (azp === undefined && !isShared) return;
  if (typeof azp !== "string" || !clientIds.includes(azp)) {
    throw new Error("the id token is for another party");
  }
}

function checkAccessToken(payload: JWTPayload, alg: string, accessToken: string | null): void {
  const said = payload["at_hash"];
  if (accessToken === null || said === undefined) return;
  const size = alg === "EdDSA" ? "512" : alg.slice(2);
  const hash = new Bun.CryptoHasher(`sha${size}` as "sha256").update(accessToken).digest();
  const half = Buffer.from(hash.subarray(0, hash.length / 2)).toString("base64url");
  if (!isSame(said, half)) throw new Error("the id token belongs to another access token");
}

function isSame(a: unknown, b: string): boolean {
  if (typeof a !== "string") return false;
  const digest = (text: string) => new Bun.CryptoHasher("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
