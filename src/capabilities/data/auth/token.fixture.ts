/** Makes tokens for the tests: signed by any key in any way, well formed or not. */
import { createHmac, generateKeyPairSync, type KeyObject, sign } from "node:crypto";

export const SECRET = "reallyreallyreallyreallyverysafe";

export const base64url = (text: string | Uint8Array) => Buffer.from(text).toString("base64url");

type Json = Readonly<Record<string, unknown>>;

/** A token whose segments are these, signed by `signer`. */
export function token(
  header: Json | string,
  claims: Json | string,
  signer: (signed: string) => Uint8Array,
): string {
  const text = (value: Json | string) =>
    typeof value === "string" ? value : JSON.stringify(value);
  const signed = `${base64url(text(header))}.${base64url(text(claims))}`;
  return `${signed}.${base64url(signer(signed))}`;
}

export const hmac =
  (bits: 256 | 384 | 512 = 256, secret: string | Uint8Array = SECRET) =>
  (signed: string) =>
    createHmac(`sha${bits}`, secret).update(signed).digest();

/** A token of HS256 by the secret. */
export function hs256(claims: Json | string, secret: string | Uint8Array = SECRET): string {
  return token({ alg: "HS256", typ: "JWT" }, claims, hmac(256, secret));
}

export interface Pair {
  readonly jwk: Json;
  readonly privateKey: KeyObject;
  readonly algorithm: string;
  sign(signed: string): Uint8Array;
}

/** A fresh pair for this algorithm. */
export function pairFor(algorithm: string, bits = 2048): Pair {
  const { publicKey, privateKey } = generate(algorithm, bits);
  const hash = algorithm === "EdDSA" ? null : `sha${algorithm.slice(2)}`;
  return {
    jwk: publicKey.export({ format: "jwk" }) as Json,
    privateKey,
    algorithm,
    sign: (signed) =>
      sign(hash, Buffer.from(signed), { key: privateKey, dsaEncoding: "ieee-p1363" }),
  };
}

function generate(algorithm: string, bits: number) {
  if (algorithm.startsWith("RS")) return generateKeyPairSync("rsa", { modulusLength: bits });
  if (algorithm === "EdDSA") return generateKeyPairSync("ed25519");
  const namedCurve = { ES256: "P-256", ES384: "P-384", ES512: "P-521" }[algorithm] ?? "";
  return generateKeyPairSync("ec", { namedCurve });
}
