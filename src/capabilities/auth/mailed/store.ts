/** SQL of `auth.one_time_tokens`. Times come in as parameters, as everywhere in identity. */
import type { Sql, TransactionSql } from "postgres";

/** What a token is good for; a token of one kind is never taken for another. */
export type TokenKind =
  | "confirmation"
  | "recovery"
  | "email_change_new"
  | "email_change_current"
  | "reauthentication"
  | "magiclink"
  | "invite"
  | "phone_change"
  | "phone";

export interface TokenRow {
  readonly id: string;
  /** Null: stands for an address without an account, see the migration. */
  readonly user_id: string | null;
  readonly kind: TokenKind;
  readonly sent_to: string;
  readonly otp_hash: Uint8Array;
  readonly attempts: number;
  readonly redirect_to: string | null;
  readonly flow_id: string | null;
  readonly otp_expires_at: Date;
  readonly expires_at: Date;
}

export interface NewTokenRow extends Omit<TokenRow, "attempts"> {
  readonly token_hash: Uint8Array;
  readonly created_at: Date;
}

export interface TokenStore {
  /** Takes the place of the person's (or nobody's address's) token of the same kind. */
  replaceToken(token: NewTokenRow): Promise<void>;
  /** Locked until the transaction ends, so that of two that come with one token the second finds it spent. */
  lockTokensSentTo(sentTo: string, kinds: readonly TokenKind[]): Promise<readonly TokenRow[]>;
  /** Locked likewise. */
  lockTokenByHash(tokenHash: Uint8Array): Promise<TokenRow | null>;
  countWrongGuess(ids: readonly string[]): Promise<void>;
  /** False when it was gone. */
  deleteToken(id: string): Promise<boolean>;
  /** All of a person's, or those of some kinds. */
  deleteTokensOf(userId: string, kinds?: readonly TokenKind[]): Promise<void>;
  /** Deletes what expired before `before`, at most `limit` rows; the count. */
  purgeTokens(before: Date, limit: number): Promise<number>;
}

export function createTokenStore(sql: Sql | TransactionSql): TokenStore {
  return {
    async replaceToken(token) {
      const place =
        token.user_id === null
          ? sql`(sent_to, kind) where user_id is null`
          : sql`(user_id, kind) where user_id is not null`;
      await sql`
        insert into auth.one_time_tokens ${sql({ ...token, attempts: 0 })}
        on conflict ${place} do update set ${sql({ ...token, attempts: 0 })}`;
    },
    async lockTokensSentTo(sentTo, kinds) {
      return sql<TokenRow[]>`
        select * from auth.one_time_tokens
        where sent_to = ${sentTo} and kind in ${sql([...kinds])}
        order by id for update`;
    },
    async lockTokenByHash(tokenHash) {
      const [row] = await sql<TokenRow[]>`
        select * from auth.one_time_tokens where token_hash = ${tokenHash} for update`;
      return row ?? null;
    },
    async countWrongGuess(ids) {
      await sql`
        update auth.one_time_tokens set attempts = attempts + 1 where id in ${sql([...ids])}`;
    },
    async deleteToken(id) {
      const { count } = await sql`delete from auth.one_time_tokens where id = ${id}`;
      return count > 0;
    },
    async deleteTokensOf(userId, kinds) {
      const some = kinds ? sql`and kind in ${sql([...kinds])}` : sql``;
      await sql`delete from auth.one_time_tokens where user_id = ${userId} ${some}`;
    },
    async purgeTokens(before, limit) {
      const { count } = await sql`
        delete from auth.one_time_tokens where id in (
          select id from auth.one_time_tokens where expires_at < ${before} limit ${limit})`;
      return count;
    },
  };
}
