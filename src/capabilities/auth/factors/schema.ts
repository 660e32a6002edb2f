/** The rows of second factors as TypeScript sees them; see `migrations/auth/0005_factors.sql`. */

export type FactorType = "totp" | "webauthn" | "phone" | "recovery_code";
export type FactorStatus = "unverified" | "verified";

/** A factor as every answer about its person shows it: GoTrue's fields, times in ISO 8601. */
export interface FactorJson {
  readonly id: string;
  readonly friendly_name?: string;
  readonly factor_type: FactorType;
  readonly status: FactorStatus;
  /** E.164 without the plus; of a phone factor only. */
  readonly phone?: string;
  readonly created_at: string;
  readonly updated_at: string;
  readonly last_challenged_at?: string;
}

/** `auth.mfa_factors`. */
export interface FactorRow {
  readonly id: string;
  readonly user_id: string;
  /** Empty = none. */
  readonly friendly_name: string;
  readonly factor_type: FactorType;
  readonly status: FactorStatus;
  readonly phone: string | null;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly last_challenged_at: Date | null;
  /** The newest TOTP time step that was accepted; bigint as text. */
  readonly last_step: string | null;
  readonly failed_attempts: number;
  readonly locked_until: Date | null;
}

export interface NewFactor {
  readonly id: string;
  readonly userId: string;
  readonly type: FactorType;
  readonly status: FactorStatus;
  readonly friendlyName: string;
  readonly phone: string | null;
  readonly now: Date;
}

/** `auth.mfa_challenges`. */
export interface ChallengeRow {
  readonly id: string;
  readonly factor_id: string;
  readonly expires_at: Date;
  readonly ip_address: string;
  readonly otp_hash: Uint8Array | null;
  readonly webauthn_challenge: Uint8Array | null;
  readonly webauthn_type: "create" | "request" | null;
}

export interface NewChallenge {
  readonly id: string;
  readonly factorId: string;
  readonly now: Date;
  readonly expiresAt: Date;
  readonly address: string;
  readonly otpHash?: Uint8Array;
  readonly webauthn?: { readonly challenge: Uint8Array; readonly type: "create" | "request" };
}
