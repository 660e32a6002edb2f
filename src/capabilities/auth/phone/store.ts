/** SQL of what a phone number is to identity: a way in of its own. */
import type { Sql, TransactionSql } from "postgres";

export interface PhoneIdentity {
  readonly id: string;
  readonly userId: string;
  /** Digits, as stored. */
  readonly phone: string;
  readonly verified: boolean;
  readonly now: Date;
}

/** Adds it, or gives the person's the new number. */
export async function putPhoneIdentity(
  sql: Sql | TransactionSql,
  { id, userId, phone, verified, now }: PhoneIdentity,
): Promise<void> {
  const data = { sub: userId, phone, email_verified: false, phone_verified: verified };
  await sql`
    insert into auth.identities
      (id, provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
    values (${id}, ${userId}, ${userId}, ${sql.json(data)}, 'phone', ${now}, ${now}, ${now})
    on conflict (provider_id, provider) do update
      set identity_data = auth.identities.identity_data || excluded.identity_data,
          updated_at = excluded.updated_at`;
}
