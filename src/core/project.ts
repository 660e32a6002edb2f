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
  /** Signing keys, newest first; the first signs. */
  readonly signingKeys: readonly SigningKey[];
}

export interface SigningKey {
  readonly kid: string;
  readonly alg: "ES256";
  /** Private JWK. */
  readonly privateJwk: Readonly<Record<string, string>>;
  /** Public JWK, as served by the JWKS. */
  readonly publicJwk: Readonly<Record<string, string>>;
}
