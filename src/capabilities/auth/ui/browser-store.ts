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
  }): Promise<void>;
  /** Null for what has expired or ended; whether the person may sign in is the caller's question. */
  find(tokenHash: Uint8Array, now: Date): Promise<BrowserSessionRow | null>;
  /** Ends the session a cookie stands for, and with it the cookie. */
  end(tokenHash: Uint8Array): Promise<void>;
  /** Gives the cookie another value; its session goes on. False when there was none. */
  rename(tokenHash: Uint8Array, next: Uint8Array): Promise<boolean>;
  /** Ends the sessions whose cookies expired before `now`, at most `limit`; the count. */
  purge(now: Date, limit: number): Promise<number>;
}

export function createBrowserStore(sql: Executor): BrowserStore {
  return {
    async insert({ tokenHash, sessionId, now, expiresAt }) {
      await sql`
        insert into auth.browser_sessions (token_hash, session_id, created_at, expires_at)
        values (${tokenHash}, ${sessionId}, ${now}, ${expiresAt})`;
    },
    async find(tokenHash, now) {
      const [session] = await sql<SessionRow[]>`
        select s.* from auth.browser_sessions b join auth.sessions s on s.id = b.session_id
        where b.token_hash = ${tokenHash} and b.expires_at > ${now} and s.revoked_at is null
          and (s.not_after is null or s.not_after > ${now})`;
      if (!session) return null;
      const [user] = await sql<UserRow[]>`
        select * from auth.users where id = ${session.user_id} and deleted_at is null`;
      return user ? { session, user } : null;
    },
    async end(tokenHash) {
      await sql`
        delete from auth.sessions where id in (
          select session_id from auth.browser_sessions where token_hash = ${tokenHash})`;
    },
    async rename(tokenHash, next) {
      const { count } = await sql`
        update auth.browser_sessions set token_hash = ${next} where token_hash = ${tokenHash}`;
      return count > 0;
    },
    async purge(now, limit) {
      const { count } = await sql`
        delete from auth.sessions where id in (
          select session_id from auth.browser_sessions where expires_at < ${now} limit ${limit})`;
      return count;
    },
  };
}
