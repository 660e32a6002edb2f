/**
 * `jwt_secret` as keys (RFC 7517, RFC 7518, RFC 8037). A key knows which algorithms it is for; the
 * token's `alg` only chooses among them, so a public key can never be taken for a shared secret.
 */
import {
  createHmac,
  createPublicKey,
  type KeyObject,
  timingSafeEqual,
  verify as verifySignature,
} from "node:crypto";

export interface VerificationKey {
  readonly kid: string | null;
  readonly algorithms: ReadonlySet<string>;
  verify(algorithm: string, signed: string, signature: Uint8Array): boolean;
}

/** What is wrong with the secret, for the person who configured it. */
export class SecretFault extends Error {}

type Jwk = Readonly<Record<string, unknown>>;

const SECRET_BYTES_MIN = 32;
const RSA_BITS_MIN = 2048;
const HMAC = ["HS256", "HS384", "HS512"];
const RSA = ["RS256", "RS384", "RS512"];
const CURVES: Readonly<Record<string, string>> = {
  "P-256": "ES256",
  "P-384": "ES384",
  "P-521": "ES512",
};

/**
 * A JWK, a JWK set, or the bytes of a secret for HS256. What reads as JSON must be keys: a public key
 * with a mistake in it must not become a secret that everybody knows.
 * @throws SecretFault
 */
export function readKeys(secret: Uint8Array): VerificationKey[] {
  const jwk = parseObject(secret);
  if (!jwk) return [secretKey(secret, null, ["HS256"])];
  const list = jwk["keys"];
  if (list === undefined) {
    const key = readJwk(jwk);
    if (!key) throw new SecretFault("The JWK is not a key that verifies signatures");
    return [key];
  }
  const entries = Array.isArray(list) ? (list as unknown[]) : [];
  // A set may hold keys for other purposes and of kinds to come (RFC 7517 §5).
  const keys = entries
    .filter(isObject)
    .map(readJwk)
    .filter((key) => key !== null);
  if (keys.length === 0) throw new SecretFault("The JWK set has no key that verifies signatures");
  return keys;
}

/** Null for a key of another kind or purpose. @throws SecretFault for one that is broken or weak */
function readJwk(jwk: Jwk): VerificationKey | null {
  if (jwk["use"] === "enc") return null;
  const algorithms = algorithmsOf(jwk);
  if (algorithms.length === 0) return null;
  const kid = typeof jwk["kid"] === "string" ? jwk["kid"] : null;
  if (jwk["kty"] === "oct") {
    const bytes = Buffer.from(String(jwk["k"] ?? ""), "base64url");
    return secretKey(bytes, kid, algorithms);
  }
  return publicKey(jwk, kid, algorithms);
}

/** What the kind of key allows, narrowed by its own `alg`. */
function algorithmsOf(jwk: Jwk): string[] {
  const { kty, alg } = jwk;
  const crv = String(jwk["crv"]);
  const byKind =
    kty === "oct"
      ? HMAC
      : kty === "RSA"
        ? RSA
        : kty === "EC"
          ? [Object.hasOwn(CURVES, crv) ? CURVES[crv] : undefined]
          : kty === "OKP" && crv === "Ed25519"
            ? ["EdDSA"]
            : [];
  return byKind.filter(
    (one) => one !== undefined && (alg === undefined || alg === one),
  ) as string[];
}

function secretKey(
  secret: Uint8Array,
  kid: string | null,
  algorithms: readonly string[],
): VerificationKey {
  if (secret.byteLength < SECRET_BYTES_MIN) {
    throw new SecretFault("The JWT secret must be at least 32 characters long.");
  }
  return {
    kid,
    algorithms: new Set(algorithms),
    verify(algorithm, signed, signature) {
      const made = createHmac(hashOf(algorithm), secret).update(signed).digest();
      return made.byteLength === signature.byteLength && timingSafeEqual(made, signature);
    },
  };
}

function publicKey(jwk: Jwk, kid: string | null, algorithms: readonly string[]): VerificationKey {
  const key = importKey(jwk);
  const bits = key.asymmetricKeyDetails?.modulusLength;
  if (bits !== undefined && bits < RSA_BITS_MIN) {
    throw new SecretFault(`The RSA key has ${bits} bits; it must have at least ${RSA_BITS_MIN}`);
  }
  return {
    kid,
    algorithms: new Set(algorithms),
    verify(algorithm, signed, signature) {
      const hash = algorithm === "EdDSA" ? null : hashOf(algorithm);
      // JWS has r and s side by side (RFC 7518 §3.4), not DER.
      const how = { key, dsaEncoding: "ieee-p1363" } as const;
      return verifySignature(hash, Buffer.from(signed), how, signature);
    },
  };
}

/** Only the public members: a private key given by mistake is used as its public half. */
function importKey({ kty, crv, x, y, n, e }: Jwk): KeyObject {
  const members =
    kty === "RSA" ? { kty, n, e } : kty === "EC" ? { kty, crv, x, y } : { kty, crv, x };
  try {
    return createPublicKey({ key: members as JsonWebKey, format: "jwk" });
  } catch {
    throw new SecretFault(`The ${String(kty)} key of the JWT secret cannot be read`);
  }
}

/** `RS384` -> `sha384`. */
function hashOf(algorithm: string): string {
  return `sha${algorithm.slice(2)}`;
}

function parseObject(bytes: Uint8Array): Jwk | null {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Jwk {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
