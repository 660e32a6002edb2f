/** Rows of `0009_oauth_server` as TypeScript sees them. */
import type { AalLevel, AmrEntry } from "../schema.ts";

export type AuthMethod = "none" | "client_secret_basic" | "client_secret_post";

export const DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code";

/** `auth.oauth_clients`. */
export interface ClientRow {
  readonly id: string;
  readonly client_secret_hash: Uint8Array | null;
  readonly registration_type: "dynamic" | "manual";
  readonly client_type: "public" | "confidential";
  readonly token_endpoint_auth_method: AuthMethod;
  readonly redirect_uris: readonly string[];
  readonly grant_types: readonly string[];
  readonly scope: string | null;
  readonly client_name: string;
  readonly client_uri: string | null;
  readonly logo_uri: string | null;
  readonly tos_uri: string | null;
  readonly policy_uri: string | null;
  readonly post_logout_redirect_uris: readonly string[];
  /** Null: the operator looks after it. */
  readonly registration_token_hash: Uint8Array | null;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly last_used_at: Date | null;
}

export type RequestStatus = "pending" | "approved" | "denied" | "expired" | "exchanged";

/** What a person's approval hands on to the tokens. */
export interface Approval {
  readonly user_id: string;
  readonly aal: AalLevel;
  readonly amr: readonly AmrEntry[];
  readonly authenticated_at: Date;
  /** End of the session in which they agreed; null = it has none. */
  readonly session_ends_at: Date | null;
}

/** What a client asked for and is given tokens for. */
export interface TokenRequest {
  readonly client_id: string;
  readonly scope: string;
  readonly resource: string | null;
  readonly issuer: string;
}

/** A row that an approval is written into, once there is one. */
export type Approved = { readonly [K in keyof Approval]: Approval[K] | null };

/** `auth.oauth_authorizations`. */
export interface AuthorizationRow extends TokenRequest, Approved {
  readonly id: string;
  readonly authorization_id: string;
  readonly redirect_uri: string;
  readonly state: string | null;
  readonly nonce: string | null;
  readonly code_challenge: string;
  readonly prompt: readonly string[];
  readonly max_age: number | null;
  readonly login_hint: string | null;
  readonly status: RequestStatus;
  readonly code_expires_at: Date | null;
  readonly session_id: string | null;
  readonly created_at: Date;
  readonly expires_at: Date;
}

/** `auth.oauth_consents`. */
export interface ConsentRow {
  readonly user_id: string;
  readonly client_id: string;
  readonly scopes: string;
  readonly granted_at: Date;
  readonly revoked_at: Date | null;
}

/** `auth.oauth_device_codes`. */
export interface DeviceRow extends TokenRequest, Approved {
  readonly id: string;
  readonly status: RequestStatus;
  readonly session_id: string | null;
  readonly ip: string | null;
  readonly user_agent: string | null;
  readonly interval_s: number;
  readonly polled_at: Date | null;
  readonly created_at: Date;
  readonly expires_at: Date;
}
