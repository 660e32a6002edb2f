/**
 * Public keys as authenticators send them (COSE_Key, RFC 9052 §7, RFC 9053 §7, RFC 8230 §4) and
 * signatures made with them. Three algorithms, each with the one key type and curve it is registered
 * for, so that no signature is ever checked under another algorithm than the key's own.
 */
import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { type CborMap, readCbor, WebAuthnFault } from "./cbor.ts";

/** COSE algorithm identifiers: EdDSA, ES256, RS256, best first. */
export const ALGORITHMS = [-8, -7, -257] as const;
export type CoseAlgorithm = (typeof ALGORITHMS)[number];

export interface CosePublicKey {
  readonly algorithm: CoseAlgorithm;
  readonly key: KeyObject;
  /** The COSE_Key as it was sent: what is stored. */
  readonly encoded: Uint8Array;
}

const KTY = 1;
const ALG = 3;
/** Modulus bytes: 2048 to 4096 bits. */
const RSA_BYTES = { min: 256, max: 512 } as const;
/** 65537, the exponent that every authenticator uses. */
const RSA_EXPONENT = "AQAB";

/** The key at the start of `bytes`; what follows it is not read. @throws WebAuthnFault */
export function readCoseKey(bytes: Uint8Array): CosePublicKey {
  const { value, length } = readCbor(bytes);
  if (!(value instanceof Map)) throw new WebAuthnFault("the public key is no COSE key");
  const algorithm = value.get(ALG) as CoseAlgorithm;
  const jwk = toJwk(value, algorithm);
  try {
    const key = createPublicKey({ key: jwk, format: "jwk" });
    return { algorithm, key, encoded: bytes.slice(0, length) };
  } catch {
    // The library's message may quote the key; a point off the curve ends here too.
    throw new WebAuthnFault("the public key is not valid");
  }
}

function toJwk(cose: CborMap, algorithm: CoseAlgorithm): JsonWebKey {
  const kty = cose.get(KTY);
  if (algorithm === -7 && kty === 2 && cose.get(-1) === 1) {
    return { kty: "EC", crv: "P-256", x: member(cose, -2, 32), y: member(cose, -3, 32) };
  }
  if (algorithm === -8 && kty === 1 && cose.get(-1) === 6) {
    return { kty: "OKP", crv: "Ed25519", x: member(cose, -2, 32) };
  }
  if (algorithm === -257 && kty === 3) return rsaJwk(cose);
  throw new WebAuthnFault("the public key is of an algorithm that is not accepted");
}

function rsaJwk(cose: CborMap): JsonWebKey {
  const n = cose.get(-1);
  const isSound =
    n instanceof Uint8Array &&
    n.length >= RSA_BYTES.min &&
    n.length <= RSA_BYTES.max &&
    (n[0] as number) >= 0x80;
  if (!isSound || member(cose, -2) !== RSA_EXPONENT) {
    throw new WebAuthnFault("the RSA key is too small, too large or unusual");
  }
  return { kty: "RSA", n: Buffer.from(n).toString("base64url"), e: RSA_EXPONENT };
}

function member(cose: CborMap, label: number, length?: number): string {
  const value = cose.get(label);
  if (!(value instanceof Uint8Array) || (length !== undefined && value.length !== length)) {
    throw new WebAuthnFault("the public key lacks a coordinate");
  }
  return Buffer.from(value).toString("base64url");
}

/** True when `signature` over `data` was made with the key (WebAuthn Level 3 §6.5.5). */
export function verifySignature(
  { algorithm, key }: Pick<CosePublicKey, "algorithm" | "key">,
  data: Uint8Array,
  signature: Uint8Array,
): boolean {
  try {
    // EdDSA hashes by itself; ECDSA signatures come as ASN.1 DER.
    return verify(algorithm === -8 ? null : "sha256", data, key, signature);
  } catch {
    // Bytes that are no signature at all.
    return false;
  }
}
