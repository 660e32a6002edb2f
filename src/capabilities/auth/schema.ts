/**
 * The rows of `migrations/auth` as TypeScript sees them: what `store.ts` reads and writes and the
 * operations pass around. Only the columns that something here uses.
 */
import type { JSONValue } from "postgres";
import type { FactorJson } from "./factors/schema.ts";

/** A JSON object, as kept in metadata columns. */
export type JsonObject = { [key: string]: JSONValue };

export type AalLevel = "aal1" | "aal2" | "aal3";

/** `auth.users`. */
export interface UserRow {
  readonly id: string;
  readonly aud: string;
  readonly role: string;
  /** Normalised, see `normalize-email.ts`. */
  readonly email: string | null;
  /** A PHC string or a bcrypt hash; null or empty = no password. */
  readonly encrypted_password: string | null;
  readonly email_confirmed_at: Date | null;
  readonly phone: string | null;
  readonly phone_confirmed_at: Date | null;
  readonly confirmed_at: Date | null;
  readonly last_sign_in_at: Date | null;
  readonly raw_app_meta_data: JsonObject | null;
  readonly raw_user_meta_data: JsonObject | null;
  readonly created_at: Date | null;
  readonly updated_at: Date | null;
  readonly banned_until: Date | null;
  readonly deleted_at: Date | null;
  readonly is_anonymous: boolean;
  readonly confirmation_sent_at: Date | null;
  readonly invited_at: Date | null;
  /** The address it shall become; null or empty = none. */
  readonly email_change: string | null;
  readonly email_change_sent_at: Date | null;
  /** 0: by nobody yet, 1: at the new address, 2: at the current one. */
  readonly email_change_confirm_status: number;
  /** The number it shall become; null or empty = none. */
  readonly phone_change: string | null;
  readonly phone_change_sent_at: Date | null;
  readonly reauthentication_sent_at: Date | null;
  /** Second factors, oldest first; kept by a trigger. */
  readonly factors: readonly FactorJson[];
  readonly is_sso_user: boolean;
  /** The address that was proven to be the person's, see `identities/prove-email.ts`. */
  readonly proven_email: string | null;
}

export interface NewUser {
  readonly id: string;
  readonly role: string;
  readonly email: string | null;
  readonly encrypted_password: string | null;
  readonly email_confirmed_at: Date | null;
  readonly proven_email: string | null;
  readonly is_sso_user: boolean;
  readonly raw_app_meta_data: JsonObject;
  readonly raw_user_meta_data: JsonObject;
  readonly banned_until: Date | null;
  readonly phone: string | null;
  readonly phone_confirmed_at: Date | null;
  readonly is_anonymous: boolean;
  readonly confirmation_sent_at: Date | null;
  readonly invited_at: Date | null;
  readonly now: Date;
}

/** Columns a change may set. */
export type UserPatch = Partial<
  Pick<
    UserRow,
    | "email"
    | "encrypted_password"
    | "email_confirmed_at"
    | "last_sign_in_at"
    | "raw_user_meta_data"
    | "raw_app_meta_data"
    | "deleted_at"
    | "phone"
    | "phone_confirmed_at"
    | "proven_email"
    | "is_anonymous"
    | "role"
    | "banned_until"
    | "confirmation_sent_at"
    | "invited_at"
    | "email_change"
    | "email_change_sent_at"
    | "email_change_confirm_status"
    | "phone_change"
    | "phone_change_sent_at"
    | "reauthentication_sent_at"
  >
> & { readonly updated_at: Date };

/** `auth.identities`. */
export interface IdentityRow {
  readonly id: string;
  readonly provider_id: string;
  readonly user_id: string;
  readonly identity_data: JsonObject;
  readonly provider: string;
  readonly last_sign_in_at: Date | null;
  readonly created_at: Date | null;
  readonly updated_at: Date | null;
  readonly email: string | null;
}

/** One way in that was used: an entry of the token's `amr`. */
export interface AmrEntry {
  readonly method: string;
  /** Seconds since the epoch. */
  readonly timestamp: number;
  /** Of `sso/saml`: which one. */
  readonly provider?: string;
}

/** `auth.sessions`. */
export interface SessionRow {
  readonly id: string;
  readonly user_id: string;
  readonly created_at: Date;
  readonly aal: AalLevel;
  readonly amr: readonly AmrEntry[];
  readonly not_after: Date | null;
  readonly refreshed_at: Date | null;
  readonly revoked_at: Date | null;
  readonly factor_id: string | null;
  readonly user_agent: string | null;
  readonly ip: string | null;
  /** `cookie`: of the ready pages. */
  readonly tag: string | null;
  readonly refresh_token_hmac_key: Uint8Array;
  /** The OAuth client it was given to; null = the person's own. */
  readonly oauth_client_id: string | null;
  /** Of that client, separated by spaces. */
  readonly scopes: string | null;
  readonly oauth_resource: string | null;
  /** `iss` of its ID tokens. */
  readonly oauth_issuer: string | null;
  /** When the person had signed in who gave it to the client. */
  readonly authenticated_at: Date | null;
}

export interface NewSession {
  readonly id: string;
  readonly user_id: string;
  readonly aal: AalLevel;
  readonly factor_id: string | null;
  readonly tag: string | null;
  readonly amr: readonly AmrEntry[];
  readonly not_after: Date | null;
  readonly user_agent: string | null;
  readonly ip: string | null;
  readonly refresh_token_hmac_key: Uint8Array;
  readonly now: Date;
}

/** `auth.refresh_tokens`. */
export interface RefreshTokenRow {
  readonly id: string;
  readonly session_id: string;
  readonly revoked: boolean;
  readonly updated_at: Date;
}

/** `auth.audit_log_entries`. Never a secret, a token or a code. */
export interface AuditEntry {
  readonly action: string;
  /** Who did it; null for a project key. */
  readonly actorId: string | null;
  readonly actorName: string;
  readonly address: string;
  readonly traits?: JsonObject | undefined;
}
