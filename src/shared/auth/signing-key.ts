/** Makes signing keys, and says for which algorithm a key is: one key, one algorithm (RFC 8725 §3.1). */
import { createHash } from "node:crypto";
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from "jose";
import type { SigningAlgorithm, SigningKey } from "../../core/project.ts";

/** What makes a pair of keys: a shared secret is configured, never made. */
export type PairAlgorithm = Exclude<SigningAlgorithm, "HS256">;

/**
 * A new pair; `kid` is the public key's RFC 7638 thumbprint. It never begins with `-`: people name it
 * on command lines, where that would be an option.
 */
export async function makeSigningKey(alg: PairAlgorithm): Promise<SigningKey> {
  const options = { extractable: true, ...(alg === "EdDSA" ? { crv: "Ed25519" } : {}) };
  const { privateKey, publicKey } = await generateKeyPair(alg, options);
  const publicJwk = await exportJWK(publicKey);
  const kid = await calculateJwkThumbprint(publicJwk);
  if (kid.startsWith("-")) return makeSigningKey(alg);
  const facts = { kid, alg, use: "sig" };
  const ofStrings = (jwk: object) => ({ ...jwk, ...facts }) as unknown as Record<string, string>;
  return {
    kid,
    alg,
    privateJwk: ofStrings(await exportJWK(privateKey)),
    publicJwk: ofStrings(publicJwk),
  };
}

/** The key of a configured secret. `kid` tells one secret from another and nothing else of it. */
export function sharedSecretKey(secret: string): SigningKey {
  const digest = createHash("sha256").update(`reactor jwt secret:${secret}`).digest("base64url");
  const k = Buffer.from(secret, "utf8").toString("base64url");
  return {
    kid: `hs256-${digest.slice(0, 16)}`,
    alg: "HS256",
    privateJwk: { kty: "oct", k },
    publicJwk: null,
  };
}

/** What verifies the key's tokens. */
export function verificationJwk(key: SigningKey): Readonly<Record<string, string>> {
  return key.publicJwk ?? key.privateJwk;
}

/** The one algorithm of a key; null for keys that are none of ours. */
export function algorithmOf(jwk: Readonly<Record<string, unknown>>): SigningAlgorithm | null {
  const { kty, crv } = jwk;
  if (kty === "EC" && crv === "P-256") return "ES256";
  if (kty === "OKP" && crv === "Ed25519") return "EdDSA";
  return kty === "oct" ? "HS256" : null;
}
