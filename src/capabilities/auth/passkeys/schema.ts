/** The rows of WebAuthn credentials and of passkeys' challenges. */

/** `auth.webauthn_credentials`. */
export interface CredentialRow {
  readonly id: string;
  readonly user_id: string;
  /** The second factor that it is; null = a passkey. */
  readonly factor_id: string | null;
  readonly credential_id: Uint8Array;
  /** COSE_Key. */
  readonly public_key: Uint8Array;
  /** bigint as text. */
  readonly sign_count: string;
  readonly transports: readonly string[];
  readonly backup_eligible: boolean;
  readonly friendly_name: string;
  readonly created_at: Date;
  readonly last_used_at: Date | null;
}

export type PasskeyCeremony = "registration" | "authentication";

/** `auth.webauthn_challenges`. */
export interface PasskeyChallengeRow {
  readonly id: string;
  readonly challenge: Uint8Array;
  readonly expires_at: Date;
}
