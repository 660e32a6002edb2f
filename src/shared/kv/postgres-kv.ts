/** Kv in `reactor.kv`: shared by all servers on the database, expiring by the database's clock. */
import type { Kv } from "../../core/ports/kv.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import type { Sweeper, TenantDatabases } from "../tenant-database.ts";
import { checkKey, checkText, checkValue, KEY_BYTES_MAX, listLimit } from "./kv-rules.ts";

/** Sorts after every key that begins with the text it is appended to: no key is that long. */
const BEYOND = "\u{10ffff}".repeat(KEY_BYTES_MAX / 4 + 1);

export function createPostgresKv(databases: TenantDatabases): Kv & Sweeper {
  const sqlOf = (tenant: TenantCtx) => databases.for(tenant).system;
  return {
    async get(tenant, key) {
      checkKey(key);
      const [row] = await sqlOf(tenant)<{ value: Uint8Array; version: string }[]>`
        select value, version::text from reactor.kv
        where tenant = ${tenant.id} and key = ${key} and (expires_at is null or expires_at > now())`;
      return row ? { value: new Uint8Array(row.value), version: Number(row.version) } : null;
    },
    async put(tenant, key, value, options = {}) {
      checkKey(key);
      checkValue(value);
      return putRow(databases, tenant, key, value, options.ttlMs ?? null, options.ifVersion);
    },
    async delete(tenant, key) {
      checkKey(key);
      const [row] = await sqlOf(tenant)<{ live: boolean }[]>`
        delete from reactor.kv where tenant = ${tenant.id} and key = ${key}
        returning (expires_at is null or expires_at > now()) as live`;
      return row?.live === true;
    },
    async list(tenant, prefix, options = {}) {
      checkText(prefix);
      const after = options.after ?? "";
      const rows = await sqlOf(tenant)<{ key: string }[]>`
        select key from reactor.kv
        where tenant = ${tenant.id} and key >= ${prefix} and key < ${prefix + BEYOND}
          and key > ${after} and (expires_at is null or expires_at > now())
        order by key limit ${listLimit(options.limit)}`;
      return rows.map((row) => row.key);
    },
    async sweep(tenant) {
      const rows = await sqlOf(tenant)`
        delete from reactor.kv where (tenant, key) in (
          select tenant, key from reactor.kv
          where tenant = ${tenant.id} and expires_at <= now() limit 10000 for update skip locked)`;
      return rows.count;
    },
  };
}

async function putRow(
  databases: TenantDatabases,
  tenant: TenantCtx,
  key: string,
  value: Uint8Array,
  ttlMs: number | null,
  ifVersion: number | undefined,
): Promise<number | null> {
  const sql = databases.for(tenant).system;
  const expiresAt = sql`now() + ${ttlMs}::float8 * interval '1 millisecond'`;
  if (ifVersion !== undefined && ifVersion !== 0) {
    const [row] = await sql<{ version: string }[]>`
      update reactor.kv
      set value = ${value}, version = nextval('reactor.kv_versions'), expires_at = ${expiresAt}
      where tenant = ${tenant.id} and key = ${key} and version = ${ifVersion}
        and (expires_at is null or expires_at > now())
      returning version::text`;
    return row ? Number(row.version) : null;
  }
  const onlyAbsent = ifVersion === 0;
  const [row] = await sql<{ version: string }[]>`
    insert into reactor.kv as kv (tenant, key, value, version, expires_at)
    values (${tenant.id}, ${key}, ${value}, nextval('reactor.kv_versions'), ${expiresAt})
    on conflict (tenant, key) do update
      set value = excluded.value, version = excluded.version, expires_at = excluded.expires_at
      where not ${onlyAbsent}::boolean or kv.expires_at <= now()
    returning version::text`;
  return row ? Number(row.version) : null;
}
