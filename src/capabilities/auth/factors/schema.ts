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
