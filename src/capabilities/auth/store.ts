/**
 * All SQL of identity. Times come in as parameters from the clock, never from `now()`, so that a
 * simulation owns them. A store speaks through one connection pool or one transaction; the caller
 * decides by `inTransaction`.
 */
import type { Sql, TransactionSql } from "postgres";
import type { AuditEntry, IdentityRow, NewUser, UserPatch, UserRow } from "./schema.ts";
import { type SessionStore, sessionQueries } from "./sessions/session-store.ts";

export type Executor = Sql | TransactionSql;

export interface AuthStore extends SessionStore {
  findUserByEmail(email: string): Promise<UserRow | null>;
  /** @param phone digits, as stored. */
  findUserByPhone(phone: string): Promise<UserRow | null>;
  findUserById(id: string): Promise<UserRow | null>;
  /** Locks the row until the transaction ends, but not against rows that come to refer to it. */
  lockUser(id: string): Promise<UserRow | null>;
  /** For who will be removed: nothing new refers to them from now on. */
  lockUserToGo(id: string): Promise<UserRow | null>;
  /** Null when the address or the id is taken. */
  insertUser(user: NewUser): Promise<UserRow | null>;
  /** Null when the new address or number is taken or the user is gone. */
  updateUser(id: string, patch: UserPatch): Promise<UserRow | null>;
  deleteUser(id: string): Promise<boolean>;
  identitiesOf(userIds: readonly string[]): Promise<readonly IdentityRow[]>;
  putEmailIdentity(
    id: string,
    userId: string,
    email: string,
    verified: boolean,
    now: Date,
  ): Promise<void>;
  touchIdentity(userId: string, provider: string, now: Date): Promise<void>;
  deleteIdentities(userId: string): Promise<void>;
  audit(id: string, entry: AuditEntry, now: Date): Promise<void>;
}

/** Tries of a transaction that Postgres chose to end for another's sake. */
const TRIES_MAX = 3;
const DEADLOCK = "40P01";

/**
 * Runs `work` in one transaction; `tx` is for ports that append in it. Runs it again after a
 * deadlock, so `work` must have no effect but in `store` and `tx`.
 */
export async function inTransaction<T>(
  sql: Sql,
  work: (store: AuthStore, tx: TransactionSql) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return (await sql.begin((tx) => work(createStore(tx), tx))) as T;
    } catch (error) {
      if ((error as { code?: string }).code !== DEADLOCK || attempt === TRIES_MAX) throw error;
    }
  }
}

/** Answers when the tables can be read. */
export async function pingStore(sql: Sql): Promise<void> {
  await sql`select from auth.users limit 1`;
}

/** True for the error of a write that lost the race for an address or a number. */
export function isAddressConflict(error: unknown): boolean {
  const { code, constraint_name: name } = error as { code?: string; constraint_name?: string };
  return code === "23505" && (name === "users_email_partial_key" || name === "users_phone_key");
}

export function createStore(sql: Executor): AuthStore {
  return {
    ...userQueries(sql),
    ...identityQueries(sql),
    ...sessionQueries(sql),
    ...auditQueries(sql),
  };
}

function userQueries(sql: Executor) {
  return {
    async findUserByEmail(email: string) {
      const [row] = await sql<UserRow[]>`
        select * from auth.users where email = ${email} and is_sso_user = false`;
      return row ?? null;
    },
    async findUserByPhone(phone: string) {
      const [row] = await sql<UserRow[]>`
        select * from auth.users where phone = ${phone} and is_sso_user = false`;
      return row ?? null;
    },
    async findUserById(id: string) {
      const [row] = await sql<UserRow[]>`select * from auth.users where id = ${id}`;
      return row ?? null;
    },
    async lockUser(id: string) {
      const [row] = await sql<
        UserRow[]
      >`select * from auth.users where id = ${id} for no key update`;
      return row ?? null;
    },
    async lockUserToGo(id: string) {
      const [row] = await sql<UserRow[]>`select * from auth.users where id = ${id} for update`;
      return row ?? null;
    },
    async insertUser(user: NewUser) {
      const [row] = await sql<UserRow[]>`
        insert into auth.users (
          instance_id, id, aud, role, email, encrypted_password, email_confirmed_at,
          confirmation_token, recovery_token, email_change_token_new, email_change,
          raw_app_meta_data, raw_user_meta_data, banned_until, created_at, updated_at,
          proven_email, is_sso_user, phone, phone_confirmed_at, is_anonymous,
          confirmation_sent_at, invited_at
        ) values (
          '00000000-0000-0000-0000-000000000000', ${user.id}, 'authenticated', ${user.role},
          ${user.email}, ${user.encrypted_password}, ${user.email_confirmed_at}, '', '', '', '',
          ${sql.json(user.raw_app_meta_data)}, ${sql.json(user.raw_user_meta_data)},
          ${user.banned_until}, ${user.now}, ${user.now}, ${user.proven_email}, ${user.is_sso_user},
          ${user.phone}, ${user.phone_confirmed_at}, ${user.is_anonymous},
          ${user.confirmation_sent_at}, ${user.invited_at}
        ) on conflict do nothing returning *`;
      return row ?? null;
    },
    async updateUser(id: string, patch: UserPatch) {
      // A conflict must not abort the caller's transaction before the answer is known.
      if (patch.email != null) {
        const [taken] = await sql`
          select 1 from auth.users
          where email = ${patch.email} and is_sso_user = false and id <> ${id}`;
        if (taken) return null;
      }
      if (patch.phone != null) {
        const [taken] = await sql`
          select 1 from auth.users where phone = ${patch.phone} and id <> ${id}`;
        if (taken) return null;
      }
      const [row] = await sql<UserRow[]>`
        update auth.users set ${sql(asJsonColumns(patch))} where id = ${id} returning *`;
      return row ?? null;
    },
    async deleteUser(id: string) {
      const { count } = await sql`delete from auth.users where id = ${id}`;
      return count > 0;
    },
  };
}

/** postgres.js serialises by the described column type, so objects go in as they are. */
function asJsonColumns(patch: UserPatch): Record<string, never> {
  return patch as unknown as Record<string, never>;
}

function identityQueries(sql: Executor) {
  return {
    async identitiesOf(userIds: readonly string[]) {
      if (userIds.length === 0) return [];
      return sql<IdentityRow[]>`
        select * from auth.identities where user_id in ${sql([...userIds])} order by created_at, id`;
    },
    async putEmailIdentity(
      id: string,
      userId: string,
      email: string,
      verified: boolean,
      now: Date,
    ) {
      const data = { sub: userId, email, email_verified: verified, phone_verified: false };
      await sql`
        insert into auth.identities
          (id, provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
        values (${id}, ${userId}, ${userId}, ${sql.json(data)}, 'email', ${now}, ${now}, ${now})
        on conflict (provider_id, provider) do update
          set identity_data = auth.identities.identity_data || excluded.identity_data,
              updated_at = excluded.updated_at`;
    },
    async touchIdentity(userId: string, provider: string, now: Date) {
      await sql`
        update auth.identities set last_sign_in_at = ${now}, updated_at = ${now}
        where user_id = ${userId} and provider = ${provider}`;
    },
    async deleteIdentities(userId: string) {
      await sql`delete from auth.identities where user_id = ${userId}`;
    },
  };
}

function auditQueries(sql: Executor) {
  return {
    async audit(id: string, entry: AuditEntry, now: Date) {
      const payload = {
        action: entry.action,
        actor_id: entry.actorId,
        actor_username: entry.actorName,
        log_type: "account",
        ...(entry.traits ? { traits: entry.traits } : {}),
      };
      await sql`
        insert into auth.audit_log_entries (id, payload, created_at, ip_address)
        values (${id}, ${sql.json(payload)}, ${now}, ${entry.address})`;
    },
  };
}
