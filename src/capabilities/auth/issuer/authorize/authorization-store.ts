/** SQL of authorization requests and of what people agreed to. */
import type { JSONValue } from "postgres";
import type { Executor } from "../../store.ts";
import type {
  Approval,
  AuthorizationRow,
  ClientRow,
  ConsentRow,
  RequestStatus,
} from "../schema.ts";

export type NewAuthorization = Pick<
  AuthorizationRow,
  | "id"
  | "authorization_id"
  | "client_id"
  | "redirect_uri"
  | "scope"
  | "state"
  | "nonce"
  | "resource"
  | "code_challenge"
  | "prompt"
  | "max_age"
  | "login_hint"
  | "issuer"
  | "created_at"
  | "expires_at"
>;

/** A grant and whom it was given to. */
export type GrantRow = ConsentRow &
  Pick<ClientRow, "client_name" | "client_uri" | "logo_uri" | "scope">;

export function authorizationStore(sql: Executor) {
  return { ...requestQueries(sql), ...consentQueries(sql) };
}

export type AuthorizationStore = ReturnType<typeof authorizationStore>;

function requestQueries(sql: Executor) {
  return {
    async insert(row: NewAuthorization): Promise<void> {
      await sql`
        insert into auth.oauth_authorizations ${sql(row as unknown as Record<string, never>)}`;
    },
    /** Locked: whoever decides, or exchanges the code, waits here. */
    async lock(authorizationId: string): Promise<AuthorizationRow | null> {
      const [row] = await sql<AuthorizationRow[]>`
        select * from auth.oauth_authorizations where authorization_id = ${authorizationId}
        for update`;
      return row ?? null;
    },
    async lockByCode(codeHash: Uint8Array): Promise<AuthorizationRow | null> {
      const [row] = await sql<AuthorizationRow[]>`
        select * from auth.oauth_authorizations where authorization_code_hash = ${codeHash}
        for update`;
      return row ?? null;
    },
    async claim(id: string, userId: string | null): Promise<void> {
      await sql`update auth.oauth_authorizations set user_id = ${userId} where id = ${id}`;
    },
    async setStatus(id: string, status: RequestStatus): Promise<void> {
      await sql`update auth.oauth_authorizations set status = ${status} where id = ${id}`;
    },
    async approve(
      id: string,
      approval: Approval,
      code: { readonly hash: Uint8Array; readonly expiresAt: Date },
      now: Date,
    ): Promise<void> {
      await sql`
        update auth.oauth_authorizations
        set status = 'approved', approved_at = ${now}, authorization_code_hash = ${code.hash},
            code_expires_at = ${code.expiresAt}, user_id = ${approval.user_id},
            aal = ${approval.aal}, amr = ${sql.json(approval.amr as unknown as JSONValue)},
            authenticated_at = ${approval.authenticated_at},
            session_ends_at = ${approval.session_ends_at}
        where id = ${id}`;
    },
    async markExchanged(id: string, sessionId: string): Promise<void> {
      await sql`
        update auth.oauth_authorizations set status = 'exchanged', session_id = ${sessionId}
        where id = ${id}`;
    },
    /** Codes and requests of a withdrawn grant are worth nothing any more. */
    async cancel(userId: string, clientId: string): Promise<void> {
      await sql`
        update auth.oauth_authorizations set status = 'expired'
        where user_id = ${userId} and client_id = ${clientId}
          and status in ('pending', 'approved')`;
      await sql`
        update auth.oauth_device_codes set status = 'expired'
        where user_id = ${userId} and client_id = ${clientId}
          and status in ('pending', 'approved')`;
    },
    /**
     * Deletes requests and device codes whose time is over, at most `limit` of each; the count. What
     * was exchanged stays until `before`: by it a second use of its code is recognised.
     */
    async purge(now: Date, before: Date, limit: number): Promise<number> {
      const isOver = sql`expires_at < ${before} or (expires_at < ${now} and status <> 'exchanged')`;
      const requests = await sql`
        delete from auth.oauth_authorizations where id in (
          select id from auth.oauth_authorizations where ${isOver} limit ${limit})`;
      const devices = await sql`
        delete from auth.oauth_device_codes where id in (
          select id from auth.oauth_device_codes where ${isOver} limit ${limit})`;
      return requests.count + devices.count;
    },
  };
}

function consentQueries(sql: Executor) {
  return {
    /** What stands; null when nothing was allowed or it was withdrawn. */
    async findConsent(userId: string, clientId: string): Promise<ConsentRow | null> {
      const [row] = await sql<ConsentRow[]>`
        select * from auth.oauth_consents
        where user_id = ${userId} and client_id = ${clientId} and revoked_at is null`;
      return row ?? null;
    },
    async putConsent(id: string, consent: Omit<ConsentRow, "revoked_at">): Promise<void> {
      await sql`
        insert into auth.oauth_consents (id, user_id, client_id, scopes, granted_at)
        values (${id}, ${consent.user_id}, ${consent.client_id}, ${consent.scopes},
          ${consent.granted_at})
        on conflict (user_id, client_id) do update
          set scopes = excluded.scopes, granted_at = excluded.granted_at, revoked_at = null`;
    },
    /** True when there was one to withdraw. */
    async revokeConsent(userId: string, clientId: string, now: Date): Promise<boolean> {
      const { count } = await sql`
        update auth.oauth_consents set revoked_at = ${now}
        where user_id = ${userId} and client_id = ${clientId} and revoked_at is null`;
      return count > 0;
    },
    /** Newest first. */
    async grantsOf(userId: string): Promise<readonly GrantRow[]> {
      return sql<GrantRow[]>`
        select consent.*, client.client_name, client.client_uri, client.logo_uri,
          client.scope
        from auth.oauth_consents consent
        join auth.oauth_clients client on client.id = consent.client_id
        where consent.user_id = ${userId} and consent.revoked_at is null
        order by consent.granted_at desc, consent.client_id`;
    },
    /** Ends what a client was given of a person. */
    async deleteSessions(userId: string, clientId: string): Promise<number> {
      const { count } = await sql`
        delete from auth.sessions where user_id = ${userId} and oauth_client_id = ${clientId}`;
      return count;
    },
  };
}
