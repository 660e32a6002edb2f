/** SQL of `auth.one_time_tokens`. Times come in as parameters, as everywhere in identity. */
import type { Sql, TransactionSql } from "postgres";
import type { JsonObject } from "../schema.ts";

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

/** The account that a token makes when it is spent. */
export interface ComingAccount {
  readonly user_metadata: JsonObject;
}

export interface TokenRow {
  readonly id: string;
  /** Null: stands for an address without an account, see the migration. */
  readonly user_id: string | null;
  readonly kind: TokenKind;
  readonly sent_to: string;
  readonly otp_hash: Uint8Array;
  readonly attempts: number;
  readonly redirect_to: string | null;
  readonly creates: ComingAccount | null;
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
  /** What nobody's token of this address would make; null = nothing. */
  comingAccount(sentTo: string, now: Date): Promise<ComingAccount | null>;
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
      const row = { ...token, attempts: 0 } as unknown as Record<string, never>;
      const place =
        token.user_id === null
          ? sql`(sent_to, kind) where user_id is null`
          : sql`(user_id, kind) where user_id is not null`;
      await sql`
        insert into auth.one_time_tokens ${sql(row)}
        on conflict ${place} do update set ${sql(row)}`;
    },
    async lockTokensSentTo(sentTo, kinds) {
      return sql<TokenRow[]>`
        select * from auth.one_time_tokens
        where sent_to = ${sentTo} and kind in ${sql([...kinds])}
        order by id for update`;
    },
    async comingAccount(sentTo, now) {
      const [row] = await sql<Pick<TokenRow, "creates">[]>`
        select creates from auth.one_time_tokens
        where sent_to = ${sentTo} and user_id is null and creates is not null
          and expires_at > ${now}
        limit 1`;
      return row?.creates ?? null;
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
