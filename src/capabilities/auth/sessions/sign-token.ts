/** Signs access tokens: compact JWS with ES256 (RFC 7515 §3.1, RFC 7518 §3.4). */
import type { SigningKey } from "../../../core/project.ts";

/** Imported private keys kept at once; a rotation has two or three. */
const KEYS_MAX = 16;

export interface TokenSigner {
  sign(key: SigningKey, claims: Readonly<Record<string, unknown>>): Promise<string>;
}

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256" } as const;
const SIGNATURE = { name: "ECDSA", hash: "SHA-256" } as const;

export function createTokenSigner(): TokenSigner {
  const imported = new Map<string, Promise<CryptoKey>>();
  const keyOf = (key: SigningKey) => {
    const known = imported.get(key.kid);
    if (known) return known;
    if (imported.size >= KEYS_MAX) imported.clear();
    const { kty, crv, x, y, d } = key.privateJwk;
    const jwk = { kty, crv, x, y, d } as JsonWebKey;
    const fresh = crypto.subtle.importKey("jwk", jwk, ALGORITHM, false, ["sign"]);
    imported.set(key.kid, fresh);
    return fresh;
  };
  return {
    async sign(key, claims) {
      const header = { alg: key.alg, kid: key.kid, typ: "JWT" };
      const input = `${base64Json(header)}.${base64Json(claims)}`;
      const signature = await crypto.subtle.sign(SIGNATURE, await keyOf(key), Buffer.from(input));
      return `${input}.${Buffer.from(signature).toString("base64url")}`;
    },
  };
}

function base64Json(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
