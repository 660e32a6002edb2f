/**
 * The rooms of all tenants: each made from the file's configuration and what its database adds to
 * it, and made anew when either changes. A change that cannot be used is logged, and the room at
 * hand goes on serving.
 */
import type { ServerFacts } from "../../core/capability.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { Databases } from "../../core/ports/database.ts";
import type { IdempotencyStore } from "../../core/ports/idempotency.ts";
import type { Logger } from "../../core/ports/log.ts";
import type { Metrics } from "../../core/ports/metrics.ts";
import type { Vault } from "../../core/ports/vault.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import { configureTokens } from "./auth/configure-tokens.ts";
import type { TokenCacheEvents } from "./auth/token-verifier.ts";
import type { DataConfig } from "./config.ts";
import { readDatabaseConfig, withDatabaseConfig } from "./database-config.ts";
import { DataConfigFault, decideConfig } from "./effective-config.ts";
import { errors } from "./errors.ts";
import { createRoom, type DataRoom } from "./room.ts";
import { SchemaCache } from "./schema/schema-cache.ts";
import { tokenCacheMetrics } from "./token-metrics.ts";

export interface RoomsDeps {
  readonly databases: Databases;
  readonly idempotency: IdempotencyStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly vault: Vault;
  readonly server: Pick<ServerFacts, "development">;
}

interface Entry {
  room: DataRoom | null;
  loading: Promise<DataRoom> | null;
  /** The last load failed: the schema cache tries again, and requests do not wait for it. */
  hasFailed: boolean;
}

export class Rooms {
  readonly #deps: RoomsDeps;
  readonly #entries = new Map<string, Entry>();
  readonly #tokenEvents: TokenCacheEvents;
  readonly cache: SchemaCache;
  #config: DataConfig;

  /** @throws DataConfigFault for what cannot be used */
  constructor(config: DataConfig, deps: RoomsDeps) {
    this.#deps = deps;
    this.#config = config;
    this.#tokenEvents = tokenCacheMetrics(deps.metrics);
    this.cache = new SchemaCache(deps, {
      scopeOf: async (tenant) => {
        const { config: decided } = await this.#loaded(tenant);
        return { schemas: decided.db_schemas, extraSearchPath: decided.db_extra_search_path };
      },
      channel: () => (this.#config.db_channel_enabled ? this.#config.db_channel : null),
      onReloadConfig: (tenant) => void this.reload(tenant),
      maxCachedShapes: config.max_cached_shapes,
    });
    // What is wrong in the file is told at once, and not with the first request.
    if (!isVaultPath(config.jwt_secret)) this.#build(config);
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

  async #loaded(tenant: TenantCtx): Promise<DataRoom> {
    const entry = this.#entry(tenant);
    return entry.room ?? (await this.#begin(tenant, entry));
  }

  /** One load at a time, which all who wait share. */
  #begin(tenant: TenantCtx, entry: Entry): Promise<DataRoom> {
    entry.loading ??= this.#load(tenant, entry);
    return entry.loading;
  }

  /** Reads what the database says again. Logs what cannot be used. */
  async reload(tenant: TenantCtx): Promise<void> {
    const entry = this.#entry(tenant);
    const before = entry.room;
    try {
      await entry.loading?.catch(() => undefined);
      const room = await this.#begin(tenant, entry);
      this.#deps.log.info("data.config_loaded", { tenant: tenant.id });
      if (before && scopeText(before) !== scopeText(room)) await this.cache.reload(tenant);
    } catch (error) {
      this.#deps.log.error("data.config_not_reloaded", { tenant: tenant.id, error });
    }
  }

  /** Another configuration of the file and the environment. @throws DataConfigFault */
  async configure(config: DataConfig): Promise<void> {
    if (!isVaultPath(config.jwt_secret)) this.#build(config);
    const before = this.#config;
    this.#config = config;
    const isOtherChannel =
      before.db_channel !== config.db_channel ||
      before.db_channel_enabled !== config.db_channel_enabled;
    if (isOtherChannel) await this.cache.unwatch();
    for (const id of this.#entries.keys()) {
      await this.reload({ id });
      if (isOtherChannel) await this.cache.reload({ id });
    }
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

  #build(config: DataConfig): DataRoom {
    const { databases, idempotency, clock } = this.#deps;
    const decided = decideConfig(config);
    const tokens = configureTokens(decided, clock, this.#tokenEvents);
    const { development } = this.#deps.server;
    return createRoom(decided, { databases, idempotency, cache: this.cache, tokens, development });
  }
}

function isVaultPath(secret: string): boolean {
  return secret.startsWith("vault:");
}

function scopeText({ config }: DataRoom): string {
  return JSON.stringify([config.db_schemas, config.db_extra_search_path]);
}
