/** The SQL of `auth.flow_state`. */
import type { Sql, TransactionSql } from "postgres";
import type { ChallengeMethod } from "./code-challenge.ts";

export interface NewFlow {
  readonly id: string;
  readonly userId: string | null;
  readonly challenge: string;
  readonly method: ChallengeMethod;
  readonly provider: string;
  readonly amrMethod: string;
  readonly now: Date;
}

/** `auth.flow_state`, as an exchange reads it. */
export interface FlowRow {
  readonly id: string;
  readonly user_id: string | null;
  readonly code_challenge: string;
  readonly code_challenge_method: ChallengeMethod;
  readonly provider_type: string;
  readonly authentication_method: string;
  readonly provider_tokens: Uint8Array | null;
  readonly auth_code_issued_at: Date | null;
}

export function createFlowStore(sql: Sql | TransactionSql) {
  return {
    async insert(flow: NewFlow): Promise<void> {
      await sql`
        insert into auth.flow_state (id, user_id, code_challenge, code_challenge_method,
          provider_type, authentication_method, created_at, updated_at)
        values (${flow.id}, ${flow.userId}, ${flow.challenge}, ${flow.method}, ${flow.provider},
          ${flow.amrMethod}, ${flow.now}, ${flow.now})`;
    },
    /** Gives a flow its code, once. False when it is gone, older than `since` or has its code. */
    async finish(
      id: string,
      userId: string,
      code: { readonly hash: Uint8Array; readonly sealed: Uint8Array | null },
      since: Date,
      now: Date,
    ): Promise<boolean> {
      const { count } = await sql`
        update auth.flow_state
        set user_id = ${userId}, auth_code_hash = ${code.hash}, provider_tokens = ${code.sealed},
            auth_code_issued_at = ${now}, updated_at = ${now}
        where id = ${id} and auth_code_hash is null and created_at > ${since}
          and (user_id is null or user_id = ${userId})`;
      return count === 1;
    },
    /** Takes the flow of a code out of the table: of two exchanges that race, one finds it. */
    async take(codeHash: Uint8Array): Promise<FlowRow | null> {
      const [row] = await sql<FlowRow[]>`
        delete from auth.flow_state where auth_code_hash = ${codeHash}
        returning id, user_id, code_challenge, code_challenge_method, provider_type,
          authentication_method, provider_tokens, auth_code_issued_at`;
      return row ?? null;
    },
    /** Deletes flows begun before `before`, at most `limit`; the count. */
    async purge(before: Date, limit: number): Promise<number> {
      const { count } = await sql`
        delete from auth.flow_state where id in (
          select id from auth.flow_state where created_at < ${before} limit ${limit})`;
      return count;
    },
  };
}
