/** SQL of browser sessions: which cookie stands for which session. Times come from the clock. */
import type { Sql, TransactionSql } from "postgres";
import type { SessionRow, UserRow } from "../schema.ts";

type Executor = Sql | TransactionSql;

/** A live cookie's session and person. */
export interface BrowserSessionRow {
  readonly session: SessionRow;
  readonly user: UserRow;
}

export interface BrowserStore {
  insert(row: {
    readonly tokenHash: Uint8Array;
    readonly sessionId: string;
    readonly now: Date;
    readonly expiresAt: Date;
    /** Of the session from now on. */
    readonly tag: string;
  }): Promise<void>;
  /** Null for an expired cookie; whether session and person still stand is the caller's question. */
  find(tokenHash: Uint8Array, now: Date): Promise<BrowserSessionRow | null>;
  /** Ends a cookie, and the session it stands for unless that is `keptSessionId`. */
  end(tokenHash: Uint8Array, keptSessionId: string): Promise<void>;
  /** Ends the sessions whose cookies expired before `now`, at most `limit`; the count. */
  purge(now: Date, limit: number): Promise<number>;
}

export function createBrowserStore(sql: Executor): BrowserStore {
  return {
    async insert({ tokenHash, sessionId, now, expiresAt, tag }) {
      await sql`
        insert into auth.browser_sessions (token_hash, session_id, created_at, expires_at)
        values (${tokenHash}, ${sessionId}, ${now}, ${expiresAt})`;
      await sql`update auth.sessions set tag = ${tag} where id = ${sessionId}`;
      // The cookie is what keeps it: nobody holds these.
      await sql`delete from auth.refresh_tokens where session_id = ${sessionId}`;
    },
    async find(tokenHash, now) {
      const [session] = await sql<SessionRow[]>`
        select s.* from auth.browser_sessions b join auth.sessions s on s.id = b.session_id
        where b.token_hash = ${tokenHash} and b.expires_at > ${now}`;
      if (!session) return null;
      const [user] = await sql<UserRow[]>`
        select * from auth.users where id = ${session.user_id} and deleted_at is null`;
      return user ? { session, user } : null;
    },
    async end(tokenHash, keptSessionId) {
      await sql`
        delete from auth.sessions where id <> ${keptSessionId} and id in (
          select session_id from auth.browser_sessions where token_hash = ${tokenHash})`;
      await sql`delete from auth.browser_sessions where token_hash = ${tokenHash}`;
    },
    async purge(now, limit) {
      const { count } = await sql`
        delete from auth.sessions where id in (
          select session_id from auth.browser_sessions where expires_at < ${now} limit ${limit})`;
      return count;
    },
  };
}
