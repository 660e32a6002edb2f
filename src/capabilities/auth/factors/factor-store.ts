/** SQL of second factors, their challenges and recovery codes; times come in from the clock. */
import type { SessionRow } from "../schema.ts";
import type { Executor } from "../store.ts";
import type { ChallengeRow, FactorRow, FactorType, NewChallenge, NewFactor } from "./schema.ts";

export type FactorStore = ReturnType<typeof createFactorStore>;

export interface CodeCount {
  readonly total: number;
  readonly remaining: number;
}

/** Speaks through one connection pool or one transaction, as the caller decides. */
export function createFactorStore(sql: Executor) {
  return {
    ...factorQueries(sql),
    ...attemptQueries(sql),
    ...challengeQueries(sql),
    ...recoveryQueries(sql),
    ...sessionQueries(sql),
    ...sweepQueries(sql),
  };
}

function factorQueries(sql: Executor) {
  return {
    /** Oldest first. */
    async factorsOf(userId: string): Promise<readonly FactorRow[]> {
      return sql<FactorRow[]>`
        select * from auth.mfa_factors where user_id = ${userId} order by created_at, id`;
    },
    async findFactor(id: string, userId: string): Promise<FactorRow | null> {
      const [row] = await sql<FactorRow[]>`
        select * from auth.mfa_factors where id = ${id} and user_id = ${userId}`;
      return row ?? null;
    },
    /** Locked until the transaction ends: attempts at one factor are judged one by one. */
    async lockFactor(id: string, userId: string): Promise<FactorRow | null> {
      const [row] = await sql<FactorRow[]>`
        select * from auth.mfa_factors where id = ${id} and user_id = ${userId} for update`;
      return row ?? null;
    },
    /** Null when the name or the number is taken. */
    async insertFactor(factor: NewFactor): Promise<FactorRow | null> {
      const [row] = await sql<FactorRow[]>`
        insert into auth.mfa_factors
          (id, user_id, friendly_name, factor_type, status, phone, created_at, updated_at)
        values (${factor.id}, ${factor.userId}, ${factor.friendlyName}, ${factor.type},
          ${factor.status}, ${factor.phone}, ${factor.now}, ${factor.now})
        on conflict do nothing returning *`;
      return row ?? null;
    },
    async renameFactor(id: string, friendlyName: string, now: Date): Promise<void> {
      await sql`
        update auth.mfa_factors set friendly_name = ${friendlyName}, updated_at = ${now}
        where id = ${id}`;
    },
    async verifyFactor(id: string, now: Date): Promise<void> {
      await sql`
        update auth.mfa_factors set status = 'verified', updated_at = ${now} where id = ${id}`;
    },
    async deleteFactor(id: string): Promise<boolean> {
      const { count } = await sql`delete from auth.mfa_factors where id = ${id}`;
      return count > 0;
    },
    async deleteUnverified(userId: string, type: FactorType): Promise<void> {
      await sql`
        delete from auth.mfa_factors
        where user_id = ${userId} and factor_type = ${type} and status = 'unverified'`;
    },
    /** Enrolments of `userId` (null: of anybody) that were given up: old, and with nothing to answer. */
    async deleteAbandoned(userId: string | null, before: Date, now: Date): Promise<number> {
      const owner = userId === null ? sql`` : sql`and f.user_id = ${userId}`;
      const { count } = await sql`
        delete from auth.mfa_factors f
        where f.status = 'unverified' and f.created_at < ${before} ${owner} and not exists (
          select from auth.mfa_challenges c where c.factor_id = f.id and c.expires_at > ${now})`;
      return count;
    },
  };
}

function attemptQueries(sql: Executor) {
  return {
    async countFailure(id: string, lockedUntil: Date | null): Promise<void> {
      await sql`
        update auth.mfa_factors
        set failed_attempts = failed_attempts + 1,
            locked_until = coalesce(${lockedUntil}, locked_until)
        where id = ${id}`;
    },
    async clearFailures(id: string): Promise<void> {
      await sql`
        update auth.mfa_factors set failed_attempts = 0, locked_until = null
        where id = ${id} and (failed_attempts > 0 or locked_until is not null)`;
    },
    /** False when that time step, or a later one, was used before. */
    async spendStep(id: string, step: number): Promise<boolean> {
      const { count } = await sql`
        update auth.mfa_factors set last_step = ${step}
        where id = ${id} and (last_step is null or last_step < ${step})`;
      return count > 0;
    },
  };
}

function challengeQueries(sql: Executor) {
  return {
    async insertChallenge(challenge: NewChallenge): Promise<void> {
      const { webauthn } = challenge;
      await sql`
        insert into auth.mfa_challenges
          (id, factor_id, created_at, expires_at, ip_address, otp_hash, webauthn_challenge, webauthn_type)
        values (${challenge.id}, ${challenge.factorId}, ${challenge.now}, ${challenge.expiresAt},
          ${challenge.address}, ${challenge.otpHash ?? null}, ${webauthn?.challenge ?? null},
          ${webauthn?.type ?? null})`;
      await sql`
        update auth.mfa_factors set last_challenged_at = ${challenge.now}
        where id = ${challenge.factorId}`;
    },
    async findChallenge(id: string, factorId: string): Promise<ChallengeRow | null> {
      const [row] = await sql<ChallengeRow[]>`
        select * from auth.mfa_challenges where id = ${id} and factor_id = ${factorId}`;
      return row ?? null;
    },
    async deleteChallengesOf(factorId: string): Promise<void> {
      await sql`delete from auth.mfa_challenges where factor_id = ${factorId}`;
    },
    /** False when somebody else took it first. */
    async deleteChallenge(id: string): Promise<boolean> {
      const { count } = await sql`delete from auth.mfa_challenges where id = ${id}`;
      return count > 0;
    },
  };
}

function recoveryQueries(sql: Executor) {
  return {
    async findRecoveryFactor(userId: string): Promise<FactorRow | null> {
      const [row] = await sql<FactorRow[]>`
        select * from auth.mfa_factors
        where user_id = ${userId} and factor_type = 'recovery_code'`;
      return row ?? null;
    },
    async replaceCodes(factorId: string, hashes: readonly Uint8Array[]): Promise<void> {
      await sql`delete from auth.mfa_recovery_codes where factor_id = ${factorId}`;
      for (const hash of hashes) {
        await sql`
          insert into auth.mfa_recovery_codes (factor_id, code_hash) values (${factorId}, ${hash})`;
      }
    },
    async hasCode(factorId: string, hash: Uint8Array): Promise<boolean> {
      const rows = await sql`
        select from auth.mfa_recovery_codes
        where factor_id = ${factorId} and code_hash = ${hash} and used_at is null`;
      return rows.length > 0;
    },
    /** False when it was used before. */
    async spendCode(factorId: string, hash: Uint8Array, now: Date): Promise<boolean> {
      const { count } = await sql`
        update auth.mfa_recovery_codes set used_at = ${now}
        where factor_id = ${factorId} and code_hash = ${hash} and used_at is null`;
      return count > 0;
    },
    async countCodes(factorId: string): Promise<CodeCount> {
      const [row] = await sql<CodeCount[]>`
        select count(*)::int as total, (count(*) filter (where used_at is null))::int as remaining
        from auth.mfa_recovery_codes where factor_id = ${factorId}`;
      return row ?? { total: 0, remaining: 0 };
    },
  };
}

function sessionQueries(sql: Executor) {
  return {
    /** The session as it stands, which it will until the transaction ends; null when it has ended. */
    async lockSession(id: string, userId: string): Promise<SessionRow | null> {
      const [row] = await sql<SessionRow[]>`
        select * from auth.sessions
        where id = ${id} and user_id = ${userId} and revoked_at is null for update`;
      return row ?? null;
    },
    /** Ends the sessions of the person that no second factor was used in. */
    async endLesserSessions(userId: string): Promise<void> {
      await sql`delete from auth.sessions where user_id = ${userId} and aal < 'aal2'`;
    },
    /**
     * Sessions that a factor raised stand at aal1 again, and no longer name its method. So do those
     * that apps were given on the strength of that method: they do not tell by which factor it was.
     */
    async lowerSessions(
      { id, user_id: userId }: Pick<FactorRow, "id" | "user_id">,
      method: string,
      now: Date,
    ): Promise<void> {
      await sql`
        update auth.sessions
        set aal = 'aal1', factor_id = null, updated_at = ${now}, amr = (
          select coalesce(jsonb_agg(entry order by n), '[]')
          from jsonb_array_elements(amr) with ordinality as e(entry, n)
          where entry ->> 'method' <> ${method})
        where factor_id = ${id} or (user_id = ${userId} and oauth_client_id is not null
          and amr @> ${sql.json([{ method }])})`;
    },
  };
}

function sweepQueries(sql: Executor) {
  return {
    async deleteExpiredChallenges(now: Date, limit: number): Promise<number> {
      const { count } = await sql`
        delete from auth.mfa_challenges where id in (
          select id from auth.mfa_challenges where expires_at < ${now} limit ${limit})`;
      return count;
    },
    /** Factors that are gone but whose seed may still be in the vault. */
    async seedsLeft(limit: number): Promise<readonly string[]> {
      const rows = await sql<{ factor_id: string }[]>`
        select factor_id from auth.mfa_seeds_left limit ${limit}`;
      return rows.map((row) => row.factor_id);
    },
    async forgetSeed(factorId: string): Promise<void> {
      await sql`delete from auth.mfa_seeds_left where factor_id = ${factorId}`;
    },
  };
}
