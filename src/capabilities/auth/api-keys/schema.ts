/** The rows of `migrations/auth/0008_api_keys.sql`, as far as something here uses them. */
import type { JsonObject } from "../schema.ts";

export const KEY_KINDS = ["user", "org", "service", "agent"] as const;
export type KeyKind = (typeof KEY_KINDS)[number];
export type KeyStatus = "pending" | "active" | "revoked";
export const BUDGET_PERIODS = ["day", "month", "total"] as const;
export type BudgetPeriod = (typeof BUDGET_PERIODS)[number];

/** `auth.api_keys`. */
export interface ApiKeyRow {
  readonly id: string;
  readonly kind: KeyKind;
  readonly name: string;
  readonly user_id: string | null;
  readonly org_id: string | null;
  readonly role: string;
  readonly scopes: readonly string[];
  readonly status: KeyStatus;
  readonly requires_approval: boolean;
  readonly approved_by: string | null;
  readonly approved_at: Date | null;
  readonly created_by: string | null;
  readonly expires_at: Date | null;
  /** Requests per minute. */
  readonly rate_limit: number | null;
  /** Requests per period; bigint as text. */
  readonly budget_limit: string | null;
  readonly budget_period: BudgetPeriod | null;
  readonly last_used_at: Date | null;
  readonly revoked_at: Date | null;
  readonly created_at: Date;
  readonly updated_at: Date;
}

/** A key with its owner, as verification reads it: one row for each of its secrets. */
export interface KeyWithOwner extends ApiKeyRow {
  readonly secret_hash: Uint8Array;
  readonly secret_expires_at: Date | null;
  readonly org_slug: string | null;
  /** Null where the owner is no person. */
  readonly owner_role: string | null;
  readonly owner_email: string | null;
  readonly owner_phone: string | null;
  readonly owner_app_metadata: JsonObject | null;
  readonly owner_user_metadata: JsonObject | null;
  readonly owner_is_anonymous: boolean | null;
  readonly owner_banned_until: Date | null;
  readonly owner_deleted_at: Date | null;
}

export type NewApiKey = Omit<
  ApiKeyRow,
  "last_used_at" | "revoked_at" | "budget_limit" | "approved_by" | "approved_at"
> & { readonly budget_limit: number | null };

/** What a change may set. */
export type ApiKeyPatch = Partial<
  Pick<
    ApiKeyRow,
    | "name"
    | "scopes"
    | "status"
    | "expires_at"
    | "rate_limit"
    | "budget_period"
    | "approved_by"
    | "approved_at"
    | "revoked_at"
  >
> & { readonly budget_limit?: number | null; readonly updated_at: Date };

/** `auth.api_key_actions`. */
export interface ActionRow {
  readonly id: string;
  readonly key_id: string;
  /** Hex SHA-256. */
  readonly digest: string;
  readonly method: string;
  readonly target: string;
  readonly headers: string;
  readonly body: string;
  readonly body_bytes: number;
  readonly status: "pending" | "approved" | "denied";
  readonly created_at: Date;
  readonly expires_at: Date;
}

/** Whose keys: exactly one of the two, or neither for the project's. */
export interface KeyOwner {
  readonly userId: string | null;
  readonly orgId: string | null;
}
