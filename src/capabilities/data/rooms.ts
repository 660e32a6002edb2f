/**
 * The rooms of all tenants: each made from the file's configuration and what its database adds to
 * it, and made anew when either changes. A change that cannot be used is logged, and the room at
 * hand goes on serving.
 */
import type { ServerFacts } from "../../core/capability.ts";
import type { AuthClient } from "../../core/ports/auth.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { Databases } from "../../core/ports/database.ts";
import type { IdempotencyStore } from "../../core/ports/idempotency.ts";
import type { Logger } from "../../core/ports/log.ts";
import type { Metrics } from "../../core/ports/metrics.ts";
import type { Rng } from "../../core/ports/rng.ts";
import type { Vault } from "../../core/ports/vault.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import { configureTokens } from "./auth/configure-tokens.ts";
import type { DataConfig } from "./config.ts";
import { type DataMetrics, dataMetrics } from "./data-metrics.ts";
import { readDatabaseConfig, withDatabaseConfig } from "./database-config.ts";
import { DataConfigFault, decideConfig } from "./effective-config.ts";
import { errors } from "./errors.ts";
import { createRoom, type DataRoom } from "./room.ts";
import { SchemaCache } from "./schema/schema-cache.ts";

export interface RoomsDeps {
  readonly databases: Databases;
  readonly idempotency: IdempotencyStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly vault: Vault;
  readonly rng: Rng;
  readonly server: Pick<ServerFacts, "development">;
  port(name: "auth"): AuthClient;
}

interface Entry {
  room: DataRoom | null;
  loading: Promise<DataRoom> | null;
  /** The last load failed: the schema cache tries again, and requests do not wait for it. */
  hasFailed: boolean;
}

/** What pools and listeners were opened with. */
const FIXED = ["db_uri", "db_prepared_statements", "migrations_dir"] as const;

export class Rooms {
  readonly #deps: RoomsDeps;
  readonly #entries = new Map<string, Entry>();
  readonly #metrics: DataMetrics;
  readonly cache: SchemaCache;
  #config: DataConfig;
  #declared: DataRoom | null;

  /** @throws DataConfigFault for what cannot be used */
  constructor(config: DataConfig, deps: RoomsDeps) {
    this.#deps = deps;
    this.#config = config;
    this.#metrics = dataMetrics(deps.metrics, deps.databases);
    this.cache = new SchemaCache(deps, {
      scopeOf: async (tenant) => {
        const { config: decided } = await this.#loaded(tenant);
        return { schemas: decided.db_schemas, extraSearchPath: decided.db_extra_search_path };
      },
      channel: () => (this.#config.db_channel_enabled ? this.#config.db_channel : null),
      onReloadConfig: (tenant) => void this.reload(tenant),
      onLoaded: this.#metrics.schemaLoaded,
      onFailed: this.#metrics.schemaFailed,
    });
    // What is wrong in the file is told at once, and not with the first request.
    this.#declared = this.#check(config);
  }

  get clock(): Clock {
    return this.#deps.clock;
  }

  /** The tenant's room; at once after the first time. @throws PGRST002 while the database is away */
  of(tenant: TenantCtx): DataRoom | Promise<DataRoom> {
    const entry = this.#entry(tenant);
    if (entry.room) return entry.room;
    if (entry.hasFailed && entry.loading) throw errors.PGRST002("it failed before");
    return this.#loaded(tenant);
  }

  /** The room at hand; before the database was asked, what the file alone says. */
  peek(tenant: TenantCtx): DataRoom | null {
    return this.#entry(tenant).room ?? this.#declared;
  }

  async #loaded(tenant: TenantCtx): Promise<DataRoom> {
    const entry = this.#entry(tenant);
    return entry.room ?? (await this.#begin(tenant, entry));
  }

  /** One load at a time, which all who wait share. */
  #begin(tenant: TenantCtx, entry: Entry): Promise<DataRoom> {
    entry.loading ??= this.#load(tenant, entry);
    return entry.loading;
  }

  /** Reads what the database says again, settings of roles included. Logs what cannot be used. */
  async reload(tenant: TenantCtx): Promise<void> {
    const entry = this.#entry(tenant);
    try {
      await entry.loading?.catch(() => undefined);
      await this.#begin(tenant, entry);
      this.#deps.log.info("data.config_loaded", { tenant: tenant.id });
      await this.cache.reload(tenant);
    } catch (error) {
      this.#deps.log.error("data.config_not_reloaded", { tenant: tenant.id, error });
    }
  }

  /** Another configuration of the file and the environment. @throws DataConfigFault */
  async configure(config: DataConfig): Promise<void> {
    const before = this.#config;
    const fixed = FIXED.find((key) => before[key] !== config[key]);
    if (fixed !== undefined) {
      throw new DataConfigFault(fixed, "it is read at the start of the server only");
    }
    this.#declared = this.#check(config);
    this.#config = config;
    const isOtherChannel =
      before.db_channel !== config.db_channel ||
      before.db_channel_enabled !== config.db_channel_enabled;
    if (isOtherChannel) await this.cache.unwatch();
    for (const id of this.#entries.keys()) await this.reload({ id });
  }

  close(): Promise<void> {
    return this.cache.close();
  }

  #entry(tenant: TenantCtx): Entry {
    let entry = this.#entries.get(tenant.id);
    if (!entry) {
      entry = { room: null, loading: null, hasFailed: false };
      this.#entries.set(tenant.id, entry);
    }
    return entry;
  }

  async #load(tenant: TenantCtx, entry: Entry): Promise<DataRoom> {
    try {
      entry.room = this.#build(await this.#configOf(tenant));
      entry.hasFailed = false;
      return entry.room;
    } catch (error) {
      entry.hasFailed = true;
      this.#deps.log.error("data.config_load_failed", { tenant: tenant.id, error });
      throw errors.PGRST002(error);
    } finally {
      entry.loading = null;
    }
  }

  async #configOf(tenant: TenantCtx): Promise<DataConfig> {
    const config = await this.#withSecrets(tenant);
    if (!config.db_config) return config;
    const { user } = this.#deps.databases.for(tenant);
    const found = await readDatabaseConfig(user, config.db_pre_config);
    return withDatabaseConfig(config, found);
  }

  /** `vault:path` in place of the secret. */
  async #withSecrets(tenant: TenantCtx): Promise<DataConfig> {
    const config = this.#config;
    if (!isVaultPath(config.jwt_secret)) return config;
    const path = config.jwt_secret.slice("vault:".length);
    const secret = await this.#deps.vault.get(tenant, path);
    if (!secret) throw new DataConfigFault("jwt_secret", `the vault has nothing at ${path}`);
    return { ...config, jwt_secret: secret.value };
  }

  /** What the configuration alone makes; null where a secret is still in the vault. */
  #check(config: DataConfig): DataRoom | null {
    return isVaultPath(config.jwt_secret) ? null : this.#build(config);
  }

  #build(config: DataConfig): DataRoom {
    const { databases, idempotency, clock, rng } = this.#deps;
    const decided = decideConfig(config);
    const tokens = configureTokens(decided, clock, this.#metrics.tokens);
    const { development } = this.#deps.server;
    const { poolTimedOut } = this.#metrics;
    const { cache } = this;
    const own = { databases, idempotency, cache, tokens, development, poolTimedOut, clock, rng };
    const authenticate: AuthClient["authenticate"] = (tenant, credentials) =>
      this.#deps.port("auth").authenticate(tenant, credentials);
    return createRoom(decided, { ...own, authenticate });
  }
}

function isVaultPath(secret: string): boolean {
  return secret.startsWith("vault:");
}
