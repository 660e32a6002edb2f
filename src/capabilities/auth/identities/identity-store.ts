/** The SQL of `auth.identities` beyond what accounts by e-mail need. */
import type { Sql, TransactionSql } from "postgres";
import type { IdentityRow, JsonObject } from "../schema.ts";

export interface NewIdentity {
  readonly id: string;
  readonly userId: string;
  readonly provider: string;
  readonly providerId: string;
  readonly data: JsonObject;
  readonly now: Date;
}

export function createIdentityStore(sql: Sql | TransactionSql) {
  return {
    /** Until the transaction ends, nobody else creates or looks for this identity. */
    async lock(provider: string, providerId: string): Promise<void> {
      await sql`
        select pg_advisory_xact_lock(
          hashtextextended('auth.identity ' || ${provider}::text || ' ' || ${providerId}::text, 0))`;
    },
    async find(provider: string, providerId: string): Promise<IdentityRow | null> {
      const [row] = await sql<IdentityRow[]>`
        select * from auth.identities
        where provider = ${provider} and provider_id = ${providerId}`;
      return row ?? null;
    },
    async insert(identity: NewIdentity): Promise<void> {
      const { id, userId, provider, providerId, data, now } = identity;
      await sql`
        insert into auth.identities
          (id, provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
        values (${id}, ${providerId}, ${userId}, ${sql.json(data)}, ${provider}, ${now}, ${now},
          ${now})`;
    },
    /** What the provider says of the person now. */
    async refresh(id: string, data: JsonObject, now: Date): Promise<void> {
      await sql`
        update auth.identities
        set identity_data = ${sql.json(data)}, last_sign_in_at = ${now}, updated_at = ${now}
        where id = ${id}`;
    },
    /** All but the address and the number, which are each account's own; the count. */
    async moveIdentities(from: string, to: string, now: Date): Promise<number> {
      const { count } = await sql`
        update auth.identities set user_id = ${to}, updated_at = ${now}
        where user_id = ${from} and provider not in ('email', 'phone')`;
      return count;
    },
    /**
     * Everything but password, sessions and identities that lets somebody act as this person: second
     * factors, passkeys, what is on its way by mail or in a browser, grants to apps, keys.
     */
    async removeOtherWaysIn(userId: string, now: Date): Promise<void> {
      await sql`delete from auth.mfa_factors where user_id = ${userId}`;
      await sql`delete from auth.webauthn_credentials where user_id = ${userId}`;
      await sql`delete from auth.webauthn_challenges where user_id = ${userId}`;
      await sql`delete from auth.one_time_tokens where user_id = ${userId}`;
      await sql`delete from auth.flow_state where user_id = ${userId}`;
      await sql`delete from auth.oauth_states where link_user_id = ${userId}`;
      await sql`delete from auth.oauth_authorizations where user_id = ${userId}`;
      await sql`delete from auth.oauth_consents where user_id = ${userId}`;
      await sql`delete from auth.oauth_device_codes where user_id = ${userId}`;
      await sql`
        update auth.api_keys set status = 'revoked', revoked_at = ${now}, updated_at = ${now}
        where user_id = ${userId} and status <> 'revoked'`;
    },
    async remove(id: string): Promise<boolean> {
      const { count } = await sql`delete from auth.identities where id = ${id}`;
      return count === 1;
    },
  };
}
