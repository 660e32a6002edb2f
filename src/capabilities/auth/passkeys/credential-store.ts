/** SQL of WebAuthn credentials, of passkeys and of second factors, and of passkeys' challenges. */
import type { Executor } from "../store.ts";
import type { CredentialRow, PasskeyCeremony, PasskeyChallengeRow } from "./schema.ts";
import type { Assertion } from "./webauthn/verify-assertion.ts";
import type { NewCredential } from "./webauthn/verify-registration.ts";

export type CredentialStore = ReturnType<typeof createCredentialStore>;

interface CredentialOwner {
  readonly id: string;
  readonly userId: string;
  readonly factorId: string | null;
  readonly friendlyName: string;
  readonly now: Date;
}

export function createCredentialStore(sql: Executor) {
  return { ...credentialQueries(sql), ...passkeyQueries(sql), ...challengeQueries(sql) };
}

function credentialQueries(sql: Executor) {
  return {
    /** Null when the credential has an owner, whoever that is. */
    async insertCredential(
      owner: CredentialOwner,
      made: NewCredential,
    ): Promise<CredentialRow | null> {
      const [row] = await sql<CredentialRow[]>`
        insert into auth.webauthn_credentials (
          id, user_id, factor_id, credential_id, public_key, attestation_type, aaguid, sign_count,
          transports, backup_eligible, backed_up, friendly_name, created_at, updated_at
        ) values (
          ${owner.id}, ${owner.userId}, ${owner.factorId}, ${made.id}, ${made.publicKey},
          ${made.attestation}, ${made.aaguid}, ${made.signCount},
          ${sql.json([...made.transports])}, ${made.backupEligible}, ${made.backedUp},
          ${owner.friendlyName}, ${owner.now}, ${owner.now}
        ) on conflict (credential_id) do nothing returning *`;
      return row ?? null;
    },
    /** Of passkeys and of factors. */
    async credentialsOf(userId: string): Promise<readonly CredentialRow[]> {
      return sql<CredentialRow[]>`
        select * from auth.webauthn_credentials where user_id = ${userId} order by created_at, id`;
    },
    async credentialOfFactor(factorId: string): Promise<CredentialRow | null> {
      const [row] = await sql<CredentialRow[]>`
        select * from auth.webauthn_credentials where factor_id = ${factorId}`;
      return row ?? null;
    },
    /**
     * Writes the counter after a use; false when the credential is gone or another use has brought
     * the counter as far meanwhile (of those that count).
     */
    async markUsed(id: string, use: Assertion, now: Date): Promise<boolean> {
      const { count } = await sql`
        update auth.webauthn_credentials
        set sign_count = ${use.signCount}::bigint, backed_up = ${use.backedUp}, last_used_at = ${now},
            updated_at = ${now}
        where id = ${id}
          and (sign_count < ${use.signCount}::bigint
            or (sign_count = 0 and ${use.signCount}::bigint = 0))`;
      return count > 0;
    },
  };
}

function passkeyQueries(sql: Executor) {
  return {
    /** Oldest first. */
    async passkeysOf(userId: string): Promise<readonly CredentialRow[]> {
      return sql<CredentialRow[]>`
        select * from auth.webauthn_credentials
        where user_id = ${userId} and factor_id is null order by created_at, id`;
    },
    async findPasskey(credentialId: Uint8Array): Promise<CredentialRow | null> {
      const [row] = await sql<CredentialRow[]>`
        select * from auth.webauthn_credentials
        where credential_id = ${credentialId} and factor_id is null`;
      return row ?? null;
    },
    async renamePasskey(
      id: string,
      userId: string,
      friendlyName: string,
      now: Date,
    ): Promise<CredentialRow | null> {
      const [row] = await sql<CredentialRow[]>`
        update auth.webauthn_credentials
        set friendly_name = ${friendlyName}, updated_at = ${now}
        where id = ${id} and user_id = ${userId} and factor_id is null returning *`;
      return row ?? null;
    },
    async deletePasskey(id: string, userId: string): Promise<boolean> {
      const { count } = await sql`
        delete from auth.webauthn_credentials
        where id = ${id} and user_id = ${userId} and factor_id is null`;
      return count > 0;
    },
  };
}

function challengeQueries(sql: Executor) {
  return {
    async insertPasskeyChallenge(row: {
      readonly id: string;
      readonly userId: string | null;
      readonly type: PasskeyCeremony;
      readonly challenge: Uint8Array;
      readonly now: Date;
      readonly expiresAt: Date;
    }): Promise<void> {
      await sql`
        insert into auth.webauthn_challenges
          (id, user_id, challenge_type, challenge, created_at, expires_at)
        values (${row.id}, ${row.userId}, ${row.type}, ${row.challenge}, ${row.now},
          ${row.expiresAt})`;
    },
    /** Removes and returns it: a challenge is answered once, right or wrong. */
    async takePasskeyChallenge(
      id: string,
      type: PasskeyCeremony,
      userId: string | null,
    ): Promise<PasskeyChallengeRow | null> {
      const [row] = await sql<PasskeyChallengeRow[]>`
        delete from auth.webauthn_challenges
        where id = ${id} and challenge_type = ${type} and user_id is not distinct from ${userId}
        returning id, challenge, expires_at`;
      return row ?? null;
    },
    async deleteExpiredPasskeyChallenges(now: Date, limit: number): Promise<number> {
      const { count } = await sql`
        delete from auth.webauthn_challenges where id in (
          select id from auth.webauthn_challenges where expires_at < ${now} limit ${limit})`;
      return count;
    },
  };
}
