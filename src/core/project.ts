/**
 * What identifies one installation and was made once, at its first boot, under the migration lock:
 * shared by every server on the same database.
 */
export interface Project {
  /** `iss` of tokens: `server.public_url`, else a value persisted at first boot; never the port. */
  readonly issuer: string;
  /** Opaque `sb_publishable_…`: role `anon`. */
  readonly publishableKey: string;
  /** Opaque `sb_secret_…`: role `service_role`. Never logged. */
  readonly secretKey: string;
  /** The first signs; every one of them verifies. The object changes when the keys do. */
  readonly signingKeys: readonly SigningKey[];
}

/** RFC 7518 §3.1, RFC 8037 §3.1. */
export type SigningAlgorithm = "ES256" | "EdDSA" | "HS256";

export interface SigningKey {
  readonly kid: string;
  readonly alg: SigningAlgorithm;
  /** Private JWK; empty of a key that signs no more. */
  readonly privateJwk: Readonly<Record<string, string>>;
  /** Public JWK, as served by the JWKS; null where both sides share a secret (HS256). */
  readonly publicJwk: Readonly<Record<string, string>> | null;
  /** Milliseconds since the epoch from which its tokens are refused; absent = not known yet. */
  readonly endsAt?: number;
}
