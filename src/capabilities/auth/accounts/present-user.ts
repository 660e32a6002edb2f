/** Rows as GoTrue's clients expect them in JSON: field names, order, and what is left out when empty. */
import type { IdentityRow, UserRow } from "../schema.ts";

export type UserJson = Readonly<Record<string, unknown>>;

/** `infinity`, which a ban may last for, is no date in JavaScript. */
const time = (at: Date | null) =>
  at !== null && Number.isNaN(at.getTime()) ? "infinity" : at?.toISOString();

/** The person without anything secret; optional times are absent when unset. */
export function presentUser(user: UserRow, identities: readonly IdentityRow[]): UserJson {
  return {
    id: user.id,
    aud: user.aud,
    role: user.role,
    email: user.email ?? "",
    email_confirmed_at: time(user.email_confirmed_at),
    confirmation_sent_at: time(user.confirmation_sent_at),
    phone: user.phone ?? "",
    phone_confirmed_at: time(user.phone_confirmed_at),
    confirmed_at: time(user.confirmed_at),
    invited_at: time(user.invited_at),
    new_email: user.email_change || undefined,
    email_change_sent_at: time(user.email_change_sent_at),
    new_phone: user.phone_change || undefined,
    phone_change_sent_at: time(user.phone_change_sent_at),
    reauthentication_sent_at: time(user.reauthentication_sent_at),
    last_sign_in_at: time(user.last_sign_in_at),
    app_metadata: user.raw_app_meta_data ?? {},
    user_metadata: user.raw_user_meta_data ?? {},
    factors: user.factors.length > 0 ? user.factors : undefined,
    identities: identities.map(presentIdentity),
    created_at: time(user.created_at),
    updated_at: time(user.updated_at),
    banned_until: time(user.banned_until),
    deleted_at: time(user.deleted_at),
    is_anonymous: user.is_anonymous,
  };
}

/** `id` and `identity_id` are swapped against the table: that is the published contract. */
function presentIdentity(row: IdentityRow) {
  return {
    identity_id: row.id,
    id: row.provider_id,
    user_id: row.user_id,
    identity_data: row.identity_data,
    provider: row.provider,
    last_sign_in_at: time(row.last_sign_in_at),
    created_at: time(row.created_at),
    updated_at: time(row.updated_at),
    email: row.email ?? undefined,
  };
}
