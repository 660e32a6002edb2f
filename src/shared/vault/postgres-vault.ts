/**
 * Vault in `reactor.secrets`: sealed rows, a new one with each put. The version is part of what is
 * sealed, so it must be known first: a writer seals for the next version, and begins again when
 * another was quicker. Each database carries a known text sealed under its master key, by which a
 * wrong key is told from a damaged secret before anything is written with it.
 */
import type { Sql, TransactionSql } from "postgres";
import type { Rng } from "../../core/ports/rng.ts";
import type { Secret, Vault } from "../../core/ports/vault.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import { sharedErrors } from "../errors.ts";
import { PerTenant } from "../per-tenant.ts";
import type { TenantDatabases } from "../tenant-database.ts";
import { Seal } from "./seal.ts";
import { checkPath, checkSecret } from "./vault-rules.ts";

export interface PostgresVaultOptions {
  readonly databases: TenantDatabases;
  /** 32 bytes; see `loadMasterKey`. */
  readonly masterKey: Uint8Array;
  readonly rng: Rng;
}

/** Earlier versions kept, for looking into what happened. */
const HISTORY = 9;
const ATTEMPTS_MAX = 200;
const CHECK_TEXT = "reactor vault check";

interface Latest {
  /** 0 = never written. */
  readonly version: number;
  /** Null = absent now. */
  readonly secret: Secret | null;
}

export function createPostgresVault(options: PostgresVaultOptions): Vault {
  const { databases } = options;
  const seal = new Seal(options.masterKey, options.rng);
  const checked = new PerTenant((tenant) => checkKey(databases, seal, tenant));
  const ready = async (tenant: TenantCtx) => {
    try {
      await checked.of(tenant);
    } catch (error) {
      checked.drop(tenant);
      throw error;
    }
  };
  const rows = new SecretRows(databases, seal);
  return {
    async get(tenant, path) {
      checkPath(path);
      await ready(tenant);
      return (await rows.latest(tenant, path)).secret;
    },
    async put(tenant, path, value) {
      checkPath(path);
      checkSecret(value);
      await ready(tenant);
      return (await rows.write(tenant, path, value, false)).version;
    },
    async putIfAbsent(tenant, path, value) {
      checkPath(path);
      checkSecret(value);
      await ready(tenant);
      return rows.write(tenant, path, value, true);
    },
    async replace(tenant, path, value, version, tx) {
      checkPath(path);
      checkSecret(value);
      await ready(tenant);
      return rows.replace(tenant, path, value, version, tx);
    },
    async delete(tenant, path) {
      checkPath(path);
      return rows.remove(tenant, path);
    },
    list: (tenant, prefix) => rows.list(tenant, prefix),
  };
}

class SecretRows {
  readonly #databases: TenantDatabases;
  readonly #seal: Seal;

  constructor(databases: TenantDatabases, seal: Seal) {
    this.#databases = databases;
    this.#seal = seal;
  }

  async latest(tenant: TenantCtx, path: string): Promise<Latest> {
    const [row] = await this.#databases.for(tenant).system<
      { version: number; sealed: Uint8Array | null }[]
    >`
      select version, sealed from reactor.secrets
      where tenant = ${tenant.id} and path = ${path} order by version desc limit 1`;
    if (!row) return { version: 0, secret: null };
    const { version, sealed } = row;
    if (sealed === null) return { version, secret: null };
    try {
      const place = { tenantId: tenant.id, path, version };
      return { version, secret: { version, value: this.#seal.open(place, sealed) } };
    } catch (cause) {
      throw sharedErrors.secret_unreadable(path, cause);
    }
  }

  async write(
    tenant: TenantCtx,
    path: string,
    value: string,
    onlyIfAbsent: boolean,
  ): Promise<Secret> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const known = onlyIfAbsent
        ? await this.latest(tenant, path)
        : { version: await this.#latestVersion(tenant, path), secret: null };
      if (known.secret) return known.secret;
      const version = known.version + 1;
      const sealed = this.#seal.close({ tenantId: tenant.id, path, version }, value);
      const sql = this.#databases.for(tenant).system;
      if (await this.#insert(sql, tenant, path, version, sealed)) return { value, version };
    }
    throw sharedErrors.vault_busy();
  }

  async replace(
    tenant: TenantCtx,
    path: string,
    value: string,
    version: number,
    tx: TransactionSql | null,
  ): Promise<number | null> {
    const sql = tx ?? this.#databases.for(tenant).system;
    const [newest] = await sql<{ version: number; present: boolean }[]>`
      select version, sealed is not null as present from reactor.secrets
      where tenant = ${tenant.id} and path = ${path} order by version desc limit 1`;
    if (!newest?.present || newest.version !== version) return null;
    const next = version + 1;
    const sealed = this.#seal.close({ tenantId: tenant.id, path, version: next }, value);
    return (await this.#insert(sql, tenant, path, next, sealed)) ? next : null;
  }

  async remove(tenant: TenantCtx, path: string): Promise<boolean> {
    // Every sealed text goes; the newest row stays as the mark of its version.
    return this.#databases.for(tenant).system.begin(async (tx) => {
      const [newest] = await tx<{ version: number; present: boolean }[]>`
        select version, sealed is not null as present from reactor.secrets
        where tenant = ${tenant.id} and path = ${path}
        order by version desc limit 1 for update`;
      if (!newest?.present) return false;
      await tx`
        delete from reactor.secrets
        where tenant = ${tenant.id} and path = ${path} and version < ${newest.version}`;
      await tx`
        update reactor.secrets set sealed = null
        where tenant = ${tenant.id} and path = ${path} and version = ${newest.version}`;
      return true;
    });
  }

  async list(tenant: TenantCtx, prefix: string): Promise<string[]> {
    const rows = await this.#databases.for(tenant).system<{ path: string }[]>`
      select path from (
        select distinct on (path) path, sealed from reactor.secrets
        where tenant = ${tenant.id} and starts_with(path, ${prefix})
        order by path, version desc
      ) as newest
      where sealed is not null order by path`;
    return rows.map((row) => row.path);
  }

  /** Does not open the secret: a damaged one can still be written anew. */
  async #latestVersion(tenant: TenantCtx, path: string): Promise<number> {
    const [row] = await this.#databases.for(tenant).system<{ version: number }[]>`
      select coalesce(max(version), 0)::int as version from reactor.secrets
      where tenant = ${tenant.id} and path = ${path}`;
    return row?.version ?? 0;
  }

  /** False when another wrote this version first. */
  async #insert(
    sql: Sql | TransactionSql,
    tenant: TenantCtx,
    path: string,
    version: number,
    sealed: Uint8Array,
  ): Promise<boolean> {
    const { count } = await sql`
      insert into reactor.secrets (tenant, path, version, sealed)
      values (${tenant.id}, ${path}, ${version}, ${sealed}) on conflict do nothing`;
    if (count === 0) return false;
    await sql`
      delete from reactor.secrets
      where tenant = ${tenant.id} and path = ${path} and version < ${version - HISTORY}`;
    return true;
  }
}

/** @throws vault_key_mismatch */
async function checkKey(databases: TenantDatabases, seal: Seal, tenant: TenantCtx): Promise<void> {
  const sql = databases.for(tenant).system;
  const place = { tenantId: tenant.id, path: "", version: 0 };
  await sql`
    insert into reactor.vault_checks (tenant, sealed)
    values (${tenant.id}, ${seal.close(place, CHECK_TEXT)}) on conflict do nothing`;
  const [row] = await sql<{ sealed: Uint8Array }[]>`
    select sealed from reactor.vault_checks where tenant = ${tenant.id}`;
  try {
    if (row && seal.open(place, row.sealed) === CHECK_TEXT) return;
  } catch (cause) {
    throw sharedErrors.vault_key_mismatch(cause);
  }
  throw sharedErrors.vault_key_mismatch();
}
