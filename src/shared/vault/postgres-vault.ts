/**
 * Vault in `reactor.secrets`: sealed rows, a new one with each put. The version is part of what is
 * sealed, so it must be known first: a writer seals for the next version, and begins again when
 * another was quicker, or when a rotation took the root key away that it sealed with.
 */
import type { Sql, TransactionSql } from "postgres";
import type { Logger } from "../../core/ports/log.ts";
import type { Rng } from "../../core/ports/rng.ts";
import type { Secret, Vault } from "../../core/ports/vault.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import { sharedErrors } from "../errors.ts";
import { PerTenant } from "../per-tenant.ts";
import type { TenantDatabases } from "../tenant-database.ts";
import type { Derived, Master } from "./master.ts";
import { type OpenRoots, openRoots } from "./open-roots.ts";
import { finishRotation } from "./reseal.ts";
import type { Seal } from "./seal.ts";
import { insertRow, listPaths, newestRow, removeRows } from "./secret-rows.ts";
import { checkPath, checkSecret } from "./vault-rules.ts";

export interface PostgresVaultOptions {
  readonly databases: TenantDatabases;
  readonly master: Master;
  /** `vault.recovery_code`; absent or empty = none. */
  readonly recoveryCode?: string;
  /** Shared by the vaults of one boot. Default: this one's own. */
  readonly derived?: Derived;
  readonly rng: Rng;
  readonly log: Logger;
}

/** The vault, and what a rotation asks of it. */
export interface PostgresVault extends Vault {
  /** The opened root keys. @throws vault_key_mismatch */
  roots(tenant: TenantCtx): Promise<OpenRoots>;
  /** Reads the root keys again, by another master where one is given. */
  reopen(tenant: TenantCtx, master?: Master): Promise<OpenRoots>;
  /** What it is opened with. */
  master(): Master;
}

const ATTEMPTS_MAX = 200;
/** A root that is still not known after so many looks is lost. */
const READS_MAX = 5;

interface Latest {
  /** 0 = never written. */
  readonly version: number;
  /** Null = absent now. */
  readonly secret: Secret | null;
}

export function createPostgresVault(options: PostgresVaultOptions): PostgresVault {
  const rows = new SealedRows(options);
  return {
    roots: (tenant) => rows.roots(tenant),
    reopen: (tenant, master) => rows.reopen(tenant, master),
    master: () => rows.master,
    async get(tenant, path) {
      checkPath(path);
      return (await rows.latest(tenant, path)).secret;
    },
    async put(tenant, path, value) {
      checkPath(path);
      checkSecret(value);
      return (await rows.write(tenant, path, value, false)).version;
    },
    async putIfAbsent(tenant, path, value) {
      checkPath(path);
      checkSecret(value);
      return rows.write(tenant, path, value, true);
    },
    async replace(tenant, path, value, version, tx) {
      checkPath(path);
      checkSecret(value);
      return rows.replace(tenant, path, value, version, tx);
    },
    async delete(tenant, path) {
      checkPath(path);
      return removeRows(rows.sql(tenant), tenant, path);
    },
    list: (tenant, prefix) => listPaths(rows.sql(tenant), tenant, prefix),
  };
}

class SealedRows {
  readonly #options: PostgresVaultOptions;
  readonly #opened: PerTenant<{ roots: Promise<OpenRoots> | null }>;
  readonly #derived: Derived;
  master: Master;

  constructor(options: PostgresVaultOptions) {
    this.#options = options;
    this.#opened = new PerTenant(() => ({ roots: null }));
    this.#derived = options.derived ?? new Map();
    this.master = options.master;
  }

  sql(tenant: TenantCtx): Sql {
    return this.#options.databases.for(tenant).system;
  }

  roots(tenant: TenantCtx): Promise<OpenRoots> {
    const state = this.#opened.of(tenant);
    return state.roots ?? this.#keep(state, this.#openFirst(tenant));
  }

  reopen(tenant: TenantCtx, master = this.master): Promise<OpenRoots> {
    this.master = master;
    return this.#keep(this.#opened.of(tenant), this.#open(tenant));
  }

  /** A failure is not kept: the next caller tries again. */
  #keep(state: { roots: Promise<OpenRoots> | null }, opening: Promise<OpenRoots>) {
    state.roots = opening;
    opening.catch(() => {
      if (state.roots === opening) state.roots = null;
    });
    return opening;
  }

  #open(tenant: TenantCtx): Promise<OpenRoots> {
    const { recoveryCode = "", rng, log } = this.#options;
    const how = { master: this.master, recoveryCode, derived: this.#derived, rng, log };
    return openRoots(how, this.sql(tenant), tenant);
  }

  /** What a rotation left to do is done now: it may have ended with its server. */
  async #openFirst(tenant: TenantCtx): Promise<OpenRoots> {
    const opened = await this.#open(tenant);
    if (opened.keys.size === 1) return opened;
    await finishRotation(this.sql(tenant), tenant, opened, this.#options.log);
    return this.#open(tenant);
  }

  /**
   * The newest version, opened. Read again when its root is not known here: another server rotates,
   * or this one has just finished what one left. @throws secret_unreadable
   */
  async latest(tenant: TenantCtx, path: string): Promise<Latest> {
    let roots = await this.roots(tenant);
    for (let attempt = 0; ; attempt++) {
      const row = await newestRow(this.sql(tenant), tenant, path);
      if (!row || row.sealed === null) return { version: row?.version ?? 0, secret: null };
      const seal = roots.seals.get(row.root);
      if (seal) return open(seal, tenant, path, row.version, row.sealed);
      if (attempt === READS_MAX) throw unreadable(path, row.root);
      roots = await this.reopen(tenant);
    }
  }

  async write(
    tenant: TenantCtx,
    path: string,
    value: string,
    onlyIfAbsent: boolean,
  ): Promise<Secret> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      // A damaged secret can still be written anew: only who asks for it opens it.
      const known = onlyIfAbsent
        ? await this.latest(tenant, path)
        : { version: await this.#version(tenant, path), secret: null };
      if (known.secret) return known.secret;
      const version = known.version + 1;
      if (await this.#insert(this.sql(tenant), tenant, path, version, value)) {
        return { value, version };
      }
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
    await this.roots(tenant);
    const sql = tx ?? this.sql(tenant);
    const newest = await newestRow(sql, tenant, path);
    if (!newest || newest.sealed === null || newest.version !== version) return null;
    return (await this.#insert(sql, tenant, path, version + 1, value, 0)) ? version + 1 : null;
  }

  async #version(tenant: TenantCtx, path: string): Promise<number> {
    return (await newestRow(this.sql(tenant), tenant, path))?.version ?? 0;
  }

  /** False when another wrote this version first. */
  async #insert(
    sql: Sql | TransactionSql,
    tenant: TenantCtx,
    path: string,
    version: number,
    value: string,
    history?: number,
  ): Promise<boolean> {
    let roots = await this.roots(tenant);
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const root = roots.newest;
      const seal = roots.seals.get(root);
      if (!seal) break;
      const sealed = seal.close({ tenantId: tenant.id, path, version }, value);
      const outcome = await insertRow(sql, tenant, { path, version, root, sealed }, history);
      if (outcome !== "root_old") return outcome === "written";
      roots = await this.reopen(tenant);
      // The newest root is sealed under keys that this server does not have: it must start anew.
      if (roots.newest === root) throw sharedErrors.vault_key_mismatch();
    }
    throw sharedErrors.vault_busy();
  }
}

function open(
  seal: Seal,
  tenant: TenantCtx,
  path: string,
  version: number,
  sealed: Uint8Array,
): Latest {
  try {
    const value = seal.open({ tenantId: tenant.id, path, version }, sealed);
    return { version, secret: { version, value } };
  } catch (cause) {
    throw sharedErrors.secret_unreadable(path, cause);
  }
}

function unreadable(path: string, root: number) {
  return sharedErrors.secret_unreadable(path, new Error(`root key ${root} cannot be opened`));
}
