/** Signs tokens: compact JWS (RFC 7515 §3.1) with ES256, EdDSA (RFC 8037 §3.1) or HS256. */
import { createHmac } from "node:crypto";
import type { SigningAlgorithm, SigningKey } from "../../../core/project.ts";

/** Imported private keys kept at once; a rotation has two or three. */
const KEYS_MAX = 16;

export interface TokenSigner {
  /** @param typ of the header. Default `JWT`. */
  sign(key: SigningKey, claims: Readonly<Record<string, unknown>>, typ?: string): Promise<string>;
}

interface PairUse {
  readonly imported: AlgorithmIdentifier & { readonly namedCurve?: string };
  readonly signature: AlgorithmIdentifier & { readonly hash?: string };
}

const PAIRS: Readonly<Record<Exclude<SigningAlgorithm, "HS256">, PairUse>> = {
  ES256: {
    imported: { name: "ECDSA", namedCurve: "P-256" },
    signature: { name: "ECDSA", hash: "SHA-256" },
  },
  EdDSA: { imported: { name: "Ed25519" }, signature: { name: "Ed25519" } },
};

export function createTokenSigner(): TokenSigner {
  const imported = new Map<string, Promise<CryptoKey>>();
  const keyOf = (key: SigningKey, { imported: algorithm }: PairUse) => {
    const known = imported.get(key.kid);
    if (known) return known;
    if (imported.size >= KEYS_MAX) imported.clear();
    const { kty, crv, x, y, d } = key.privateJwk;
    const jwk = { kty, crv, x, d, ...(y === undefined ? {} : { y }) } as JsonWebKey;
    const fresh = crypto.subtle.importKey("jwk", jwk, algorithm, false, ["sign"]);
    imported.set(key.kid, fresh);
    return fresh;
  };
  return {
    async sign(key, claims, typ = "JWT") {
      const header = { alg: key.alg, kid: key.kid, typ };
      const input = `${base64Json(header)}.${base64Json(claims)}`;
      if (key.alg === "HS256") return `${input}.${hmac(key, input)}`;
      const use = PAIRS[key.alg];
      const signature = await crypto.subtle.sign(
        use.signature,
        await keyOf(key, use),
        Buffer.from(input),
      );
      return `${input}.${Buffer.from(signature).toString("base64url")}`;
    },
  };
}

function hmac({ privateJwk }: SigningKey, input: string): string {
  const secret = Buffer.from(privateJwk["k"] ?? "", "base64url");
  return createHmac("sha256", secret).update(input).digest("base64url");
}

function base64Json(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
