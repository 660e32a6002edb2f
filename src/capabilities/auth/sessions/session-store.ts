/** SQL of sessions and their refresh tokens. Part of the one `AuthStore`. */
import type { JSONValue } from "postgres";
import type { NewSession, RefreshTokenRow, SessionRow } from "../schema.ts";
import type { Executor } from "../store.ts";

export interface SessionStore {
  insertSession(session: NewSession): Promise<void>;
  findSession(id: string): Promise<SessionRow | null>;
  raiseSession(
    id: string,
    raised: Pick<NewSession, "aal" | "amr" | "factor_id" | "now">,
  ): Promise<void>;
  /** The session a refresh token belongs to, locked: whoever rotates or revokes waits here. */
  lockSessionByToken(tokenHash: Uint8Array): Promise<SessionRow | null>;
  markRefreshed(id: string, userAgent: string | null, ip: string | null, now: Date): Promise<void>;
  /** Latest used first, ended ones among them. */
  listSessions(userId: string, limit: number): Promise<readonly SessionRow[]>;
  /** Ends the person's own sessions with this tag, and no OAuth client's; the count. */
  endOwnOfKind(userId: string, tag: string | null): Promise<number>;
  /** All of one person's. */
  lockSessions(userId: string): Promise<void>;
  /**
   * Ends sessions; the count. Unless it is `only` one, what is under way to become a session, or a
   * way in, ends with them.
   */
  deleteSessions(userId: string, which: { only?: string; except?: string }): Promise<number>;
  findRefreshToken(tokenHash: Uint8Array): Promise<RefreshTokenRow | null>;
  insertRefreshToken(token: {
    readonly sessionId: string;
    readonly userId: string;
    readonly tokenHash: Uint8Array;
    readonly parentId: string | null;
    readonly now: Date;
  }): Promise<void>;
  spendRefreshToken(id: string, now: Date): Promise<void>;
  /** Spends whatever is live of a session; the newest one's id. */
  spendLiveToken(sessionId: string, now: Date): Promise<string | null>;
  /** Ends a session and every token of its family; the rows stay. */
  revokeFamily(sessionId: string, now: Date): Promise<void>;
  /**
   * Deletes what was spent or ended before `before`, at most `limit` rows of each; the count.
   * @param idleSince sessions that were last used before have ended for want of use; null = none have.
   */
  purge(before: Date, limit: number, idleSince: Date | null): Promise<number>;
}

/** postgres.js has no type for a row of `unknown` JSON; what we write is JSON by construction. */
const asJson = (value: unknown) => value as JSONValue;

export function sessionQueries(sql: Executor): SessionStore {
  return { ...oneSession(sql), ...tokenQueries(sql) };
}

function oneSession(sql: Executor) {
  return {
    async insertSession(session: NewSession) {
      await sql`
        insert into auth.sessions (
          id, user_id, aal, amr, factor_id, tag, not_after, refreshed_at, user_agent, ip,
          refresh_token_hmac_key, created_at, updated_at
        ) values (
          ${session.id}, ${session.user_id}, ${session.aal}, ${sql.json(asJson(session.amr))},
          ${session.factor_id}, ${session.tag}, ${session.not_after}, ${session.now},
          ${session.user_agent}, ${session.ip}, ${session.refresh_token_hmac_key},
          ${session.now}, ${session.now}
        )`;
    },
    async raiseSession(id: string, raised: Parameters<SessionStore["raiseSession"]>[1]) {
      await sql`
        update auth.sessions
        set aal = ${raised.aal}, amr = ${sql.json(asJson(raised.amr))},
            factor_id = ${raised.factor_id}, updated_at = ${raised.now}
        where id = ${id}`;
    },
    async findSession(id: string) {
      const [row] = await sql<SessionRow[]>`select * from auth.sessions where id = ${id}`;
      return row ?? null;
    },
    async lockSessionByToken(tokenHash: Uint8Array) {
      const [row] = await sql<SessionRow[]>`
        select * from auth.sessions
        where id = (select session_id from auth.refresh_tokens where token_hash = ${tokenHash})
        for update`;
      return row ?? null;
    },
    async markRefreshed(id: string, userAgent: string | null, ip: string | null, now: Date) {
      await sql`
        update auth.sessions
        set refreshed_at = ${now}, updated_at = ${now}, user_agent = ${userAgent}, ip = ${ip}
        where id = ${id}`;
    },
    async listSessions(userId: string, limit: number) {
      return sql<SessionRow[]>`
        select * from auth.sessions where user_id = ${userId} and revoked_at is null
        order by coalesce(refreshed_at, created_at) desc, id limit ${limit}`;
    },
    async endOwnOfKind(userId: string, tag: string | null) {
      const { count } = await sql`
        delete from auth.sessions
        where user_id = ${userId} and tag is not distinct from ${tag} and oauth_client_id is null`;
      return count;
    },
    async lockSessions(userId: string) {
      await sql`select 1 from auth.sessions where user_id = ${userId} order by id for update`;
    },
    async deleteSessions(userId: string, which: { only?: string; except?: string }) {
      const only = which.only === undefined ? sql`` : sql`and id = ${which.only}`;
      const except = which.except === undefined ? sql`` : sql`and id <> ${which.except}`;
      const { count } = await sql`
        delete from auth.sessions where user_id = ${userId} ${only} ${except}`;
      if (which.only === undefined) await endUnderWay(sql, userId);
      return count;
    },
  };
}

/**
 * What would still become a session, or a way in, without asking this person again: codes that wait
 * for their exchange, requests of apps and devices that were agreed to, links to a provider that were
 * begun.
 */
async function endUnderWay(sql: Executor, userId: string): Promise<void> {
  await sql`
    with linking as (delete from auth.oauth_states where link_user_id = ${userId}),
      flows as (
        delete from auth.flow_state where user_id = ${userId} and auth_code_hash is not null),
      requests as (
        delete from auth.oauth_authorizations where user_id = ${userId} and status = 'approved')
    delete from auth.oauth_device_codes where user_id = ${userId} and status = 'approved'`;
}

function tokenQueries(sql: Executor) {
  return {
    async findRefreshToken(tokenHash: Uint8Array) {
      const [row] = await sql<RefreshTokenRow[]>`
        select id, session_id, revoked, updated_at from auth.refresh_tokens
        where token_hash = ${tokenHash}`;
      return row ?? null;
    },
    async insertRefreshToken(token: Parameters<SessionStore["insertRefreshToken"]>[0]) {
      await sql`
        insert into auth.refresh_tokens
          (session_id, user_id, token_hash, parent_id, created_at, updated_at)
        values (${token.sessionId}, ${token.userId}, ${token.tokenHash}, ${token.parentId},
          ${token.now}, ${token.now})`;
    },
    async spendRefreshToken(id: string, now: Date) {
      await sql`
        update auth.refresh_tokens set revoked = true, updated_at = ${now} where id = ${id}`;
    },
    async spendLiveToken(sessionId: string, now: Date) {
      // The session first, as refreshing does: who rotates its token meanwhile has ended by then.
      await sql`select 1 from auth.sessions where id = ${sessionId} for update`;
      const [row] = await sql<{ id: string | null }[]>`
        with spent as (
          update auth.refresh_tokens set revoked = true, updated_at = ${now}
          where session_id = ${sessionId} and not revoked returning id
        )
        select max(id)::text as id from spent`;
      return row?.id ?? null;
    },
    async revokeFamily(sessionId: string, now: Date) {
      await sql`
        update auth.refresh_tokens set revoked = true, updated_at = ${now}
        where session_id = ${sessionId} and not revoked`;
      await sql`
        update auth.sessions set revoked_at = ${now}, updated_at = ${now}
        where id = ${sessionId} and revoked_at is null`;
    },
    async purge(before: Date, limit: number, idleSince: Date | null) {
      const sessions = await sql`
        delete from auth.sessions where id in (
          select id from auth.sessions
          where revoked_at < ${before} or not_after < ${before}
            or coalesce(refreshed_at, created_at) < ${idleSince}
          limit ${limit})`;
      const tokens = await sql`
        delete from auth.refresh_tokens where id in (
          select id from auth.refresh_tokens where revoked and updated_at < ${before}
          limit ${limit})`;
      return sessions.count + tokens.count;
    },
  };
}
