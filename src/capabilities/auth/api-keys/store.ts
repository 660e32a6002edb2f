/** All SQL of API keys. */
import type { Sql, TransactionSql } from "postgres";
import type { ApiKeyPatch, ApiKeyRow, KeyOwner, KeyWithOwner, NewApiKey } from "./schema.ts";

export type ApiKeyStore = ReturnType<typeof createApiKeyStore>;

export function createApiKeyStore(sql: Sql | TransactionSql) {
  return { ...keyQueries(sql), ...secretQueries(sql), ...useQueries(sql) };
}

function keyQueries(sql: Sql | TransactionSql) {
  const ownedBy = ({ userId, orgId }: KeyOwner) =>
    sql`user_id is not distinct from ${userId} and org_id is not distinct from ${orgId}`;
  return {
    async insertKey(key: NewApiKey) {
      const { scopes, ...rest } = key;
      const values = { ...rest, scopes: sql.array([...scopes]) };
      const [row] = await sql<ApiKeyRow[]>`insert into auth.api_keys ${sql(values)} returning *`;
      if (!row) throw new Error("the insert of a key returned nothing");
      return row;
    },
    async findKey(id: string) {
      const [row] = await sql<ApiKeyRow[]>`select * from auth.api_keys where id = ${id}`;
      return row ?? null;
    },
    async lockKey(id: string) {
      const [row] = await sql<ApiKeyRow[]>`select * from auth.api_keys where id = ${id} for update`;
      return row ?? null;
    },
    /** Newest first; revoked ones too. At most `limit`. */
    async keysOf(owner: KeyOwner, limit: number) {
      return sql<ApiKeyRow[]>`
        select * from auth.api_keys where ${ownedBy(owner)}
        order by created_at desc, id limit ${limit}`;
    },
    async countKeys(owner: KeyOwner) {
      const [row] = await sql<{ count: number }[]>`
        select count(*)::int as count from auth.api_keys
        where ${ownedBy(owner)} and status <> 'revoked'`;
      return row?.count ?? 0;
    },
    async updateKey(id: string, patch: ApiKeyPatch) {
      const { scopes, ...rest } = patch;
      const values = { ...rest, ...(scopes ? { scopes: sql.array([...scopes]) } : {}) };
      const [row] = await sql<ApiKeyRow[]>`
        update auth.api_keys set ${sql(values as unknown as Record<string, never>)} where id = ${id}
        returning *`;
      if (!row) throw new Error("a locked key was gone");
      return row;
    },
  };
}

function secretQueries(sql: Sql | TransactionSql) {
  return {
    async insertSecret(keyId: string, secretHash: Uint8Array, now: Date) {
      await sql`
        insert into auth.api_key_secrets (secret_hash, key_id, created_at)
        values (${secretHash}, ${keyId}, ${now})`;
    },
    /**
     * Ends the secrets there are at `at`, if they do not end before; those that have ended go, and of
     * those that live on the oldest, so that `keep` are left.
     */
    async endSecrets(keyId: string, at: Date, now: Date, keep: number) {
      await sql`
        delete from auth.api_key_secrets where secret_hash in (
          select secret_hash from auth.api_key_secrets where key_id = ${keyId}
          order by coalesce(expires_at > ${now}, true) desc, created_at desc offset ${keep})
        or (key_id = ${keyId} and expires_at <= ${now})`;
      await sql`
        update auth.api_key_secrets set expires_at = least(expires_at, ${at})
        where key_id = ${keyId}`;
    },
    async deleteSecrets(keyId: string) {
      await sql`delete from auth.api_key_secrets where key_id = ${keyId}`;
    },
    /** A row for each secret of the key. */
    async findWithOwner(id: string) {
      return sql<KeyWithOwner[]>`
        select k.*, s.secret_hash, s.expires_at as secret_expires_at, o.slug as org_slug,
          u.role as owner_role, u.email as owner_email, u.phone as owner_phone,
          u.raw_app_meta_data as owner_app_metadata, u.raw_user_meta_data as owner_user_metadata,
          u.is_anonymous as owner_is_anonymous, u.banned_until as owner_banned_until,
          u.deleted_at as owner_deleted_at
        from auth.api_keys k
        join auth.api_key_secrets s on s.key_id = k.id
        left join auth.users u on u.id = k.user_id
        left join auth.orgs o on o.id = k.org_id
        where k.id = ${id}`;
    },
  };
}

function useQueries(sql: Sql | TransactionSql) {
  return {
    /** Many keys in one statement; never backwards. */
    async markUsed(uses: readonly { readonly id: string; readonly at: Date }[]) {
      const rows = sql.json(uses.map(({ id, at }) => ({ id, at: at.toISOString() })));
      await sql`
        update auth.api_keys k set last_used_at = greatest(k.last_used_at, used.at)
        from jsonb_to_recordset(${rows}) as used (id uuid, at timestamptz)
        where k.id = used.id`;
    },
    /** True when `count` more of the period's budget are this server's to spend. */
    async drawBudget(keyId: string, period: string, count: number, limit: number) {
      const { count: rows } = await sql`
        insert into auth.api_key_budgets as b (key_id, period, drawn)
        select ${keyId}, ${period}, ${count} where ${count}::bigint <= ${limit}::bigint
        on conflict (key_id, period) do update set drawn = b.drawn + ${count}
        where b.drawn + ${count}::bigint <= ${limit}::bigint`;
      return rows > 0;
    },
    async returnBudget(keyId: string, period: string, count: number) {
      await sql`
        update auth.api_key_budgets set drawn = greatest(0, drawn - ${count}::bigint)
        where key_id = ${keyId} and period = ${period}`;
    },
    async budgetDrawn(keyId: string, period: string) {
      const [row] = await sql<{ drawn: number }[]>`
        select drawn::float8 as drawn from auth.api_key_budgets
        where key_id = ${keyId} and period = ${period}`;
      return row?.drawn ?? 0;
    },
  };
}
