/**
 * Keeps each tenant's `Schema`. A load in progress never blocks requests that can be served by the
 * value at hand: the new value replaces the old one at once.
 */
import type { Clock } from "../../../core/ports/clock.ts";
import type { Databases } from "../../../core/ports/database.ts";
import type { Logger } from "../../../core/ports/log.ts";
import type { TenantCtx } from "../../../core/tenant.ts";
import type { CompiledRequest } from "../compile/compiled.ts";
import { errors } from "../errors.ts";
import { type CatalogScope, listenForReload, readCatalog, type Unlisten } from "../store.ts";
import { buildSchema } from "./build-schema.ts";
import { ALL_OBSERVED } from "./observed-settings.ts";
import type { Schema } from "./schema.ts";
import type { ShapeCache } from "./shape-cache.ts";

export interface LoadedSchema {
  readonly schema: Schema;
}

/** What a request works with from beginning to end. */
export interface SchemaState extends LoadedSchema {
  /** The SQL compiled against the schema, by the rules of one configuration. */
  readonly shapes: ShapeCache<CompiledRequest>;
}

export interface SchemaCacheOptions {
  /** What of the tenant's database is read. */
  scopeOf(tenant: TenantCtx): Promise<Pick<CatalogScope, "schemas" | "extraSearchPath">>;
  /** NOTIFY channel; null where nothing is listened to. */
  channel(): string | null;
  /** `NOTIFY …, 'reload config'`, and after the connection that listens was lost. */
  onReloadConfig(tenant: TenantCtx): void;
  onLoaded(queryMs: number): void;
  onFailed(): void;
}

export interface SchemaCacheDeps {
  readonly databases: Databases;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Payloads that ask for the schema; the last two name parts of it, which are read together here. */
const RELOADS = new Set(["", "reload schema", "reload tables", "reload relationships"]);
/** Failing queries may ask for a reload this often, and requests for the first load. */
const REPAIR_INTERVAL_MS = 1_000;
/** And no sooner than so many times what the last load took: anybody can ask for what is not there. */
const REPAIR_PAUSE = 10;
/** While the database is away it is asked again, at first soon, then at most this seldom. */
const RETRY_MS_MAX = 32_000;

interface Entry {
  state: LoadedSchema | null;
  loading: Promise<LoadedSchema> | null;
  /** Something changed while a load was under way. */
  dirty: boolean;
  repairedAt: number;
  /** What the last load took. */
  loadMs: number;
  /** Read once: the server's files do not change under it. */
  timezones: readonly string[] | null;
  unlisten: Unlisten | null;
  /** Loads that failed since the last good one. */
  failures: number;
  failedAt: number;
  cancelRetry: (() => void) | null;
}

/** Code has changed, and nobody has read yet what it looks at. */
function unsure(state: LoadedSchema): LoadedSchema {
  const { schema } = state;
  // What was compiled against it stays good then.
  if (schema.observed === ALL_OBSERVED && !schema.sharesTransactions) return state;
  return { schema: { ...schema, observed: ALL_OBSERVED, sharesTransactions: false } };
}

export class SchemaCache {
  readonly #deps: SchemaCacheDeps;
  readonly #options: SchemaCacheOptions;
  readonly #entries = new Map<string, Entry>();
  #version = 0;
  #closed = false;

  constructor(deps: SchemaCacheDeps, options: SchemaCacheOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** The state at hand, without waiting; null before the first load. */
  peek(tenant: TenantCtx): LoadedSchema | null {
    return this.#entries.get(tenant.id)?.state ?? null;
  }

  /** The state, loading it on first use. Throws PGRST002 when the database cannot be read. */
  async get(tenant: TenantCtx): Promise<LoadedSchema> {
    const entry = this.#entry(tenant);
    if (entry.state) return entry.state;
    if (entry.loading) return await entry.loading;
    const waitedMs = this.#deps.clock.monotonic() - entry.failedAt;
    if (waitedMs < REPAIR_INTERVAL_MS) throw errors.PGRST002("it failed just now");
    return await this.#start(tenant, entry);
  }

  /** Loads anew. During a load: has it followed by another, and waits for that. */
  async reload(tenant: TenantCtx): Promise<LoadedSchema> {
    const entry = this.#entry(tenant);
    if (!entry.loading) return await this.#start(tenant, entry);
    entry.dirty = true;
    return await entry.loading;
  }

  /**
   * After a query failed on an object that the cache believes in: a fresh state, or null when the
   * last repair was moments ago (then the failure is the database's word). A large schema is read for
   * seconds, so it is not read that often.
   */
  async repair(tenant: TenantCtx): Promise<LoadedSchema | null> {
    const entry = this.#entry(tenant);
    const now = this.#deps.clock.monotonic();
    const pauseMs = Math.max(REPAIR_INTERVAL_MS, REPAIR_PAUSE * entry.loadMs);
    if (now - entry.repairedAt < pauseMs) return null;
    entry.repairedAt = now;
    return await this.reload(tenant);
  }

  /** Stops listening for changes and asking for a database that is away. The next load begins again. */
  async unwatch(): Promise<void> {
    const live = [...this.#entries.values()].map((entry) => {
      const { unlisten } = entry;
      entry.unlisten = null;
      entry.cancelRetry?.();
      entry.cancelRetry = null;
      return unlisten;
    });
    await Promise.all(live.map((unlisten) => unlisten?.()));
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.unwatch();
    this.#entries.clear();
  }

  #entry(tenant: TenantCtx): Entry {
    let entry = this.#entries.get(tenant.id);
    if (!entry) {
      const repairedAt = Number.NEGATIVE_INFINITY;
      entry = {
        state: null,
        loading: null,
        dirty: false,
        repairedAt,
        loadMs: 0,
        timezones: null,
        unlisten: null,
        failures: 0,
        failedAt: Number.NEGATIVE_INFINITY,
        cancelRetry: null,
      };
      this.#entries.set(tenant.id, entry);
    }
    return entry;
  }

  #start(tenant: TenantCtx, entry: Entry): Promise<LoadedSchema> {
    entry.loading = this.#loadUntilClean(tenant, entry).finally(() => {
      entry.loading = null;
    });
    return entry.loading;
  }

  async #loadUntilClean(tenant: TenantCtx, entry: Entry): Promise<LoadedSchema> {
    try {
      if (entry.unlisten === null) await this.#listen(tenant, entry);
      let state: LoadedSchema;
      do {
        entry.dirty = false;
        state = await this.#load(tenant, entry);
        entry.state = entry.dirty ? unsure(state) : state;
      } while (entry.dirty && !this.#closed);
      entry.failures = 0;
      return state;
    } catch (cause) {
      this.#deps.log.error("data.schema_load_failed", { tenant: tenant.id, error: cause });
      this.#options.onFailed();
      this.#retryLater(tenant, entry);
      throw errors.PGRST002(cause);
    }
  }

  /** In the background, also when no request comes: the schema may have changed meanwhile. */
  #retryLater(tenant: TenantCtx, entry: Entry): void {
    const { clock } = this.#deps;
    entry.failedAt = clock.monotonic();
    if (this.#closed) return;
    const delayMs = Math.min(RETRY_MS_MAX, REPAIR_INTERVAL_MS * 2 ** entry.failures);
    entry.failures += 1;
    entry.cancelRetry?.();
    entry.cancelRetry = clock.after(delayMs, () => {
      entry.cancelRetry = null;
      // A failure is logged by the load, and asks again.
      this.reload(tenant).catch(() => undefined);
    });
  }

  async #load(tenant: TenantCtx, entry: Entry): Promise<LoadedSchema> {
    const started = this.#deps.clock.monotonic();
    const { system, login } = this.#deps.databases.for(tenant);
    const { timezones } = entry;
    const scope = await this.#options.scopeOf(tenant);
    const rows = await readCatalog(system, {
      ...scope,
      login,
      timezones,
      channel: this.#options.channel(),
    });
    entry.timezones = rows.timezones;
    this.#options.onLoaded(this.#deps.clock.monotonic() - started);
    this.#version += 1;
    const schema = buildSchema(this.#version, rows);
    entry.loadMs = this.#deps.clock.monotonic() - started;
    this.#deps.log.info("data.schema_loaded", {
      tenant: tenant.id,
      tables: schema.tables.size,
      functions: schema.functions.size,
      reads_share_transactions: schema.sharesTransactions,
      ms: Math.round(entry.loadMs),
    });
    return { schema };
  }

  /** Subscribes before the first load, so that no change falls between the two. */
  async #listen(tenant: TenantCtx, entry: Entry): Promise<void> {
    const channel = this.#options.channel();
    if (channel === null) return;
    const { direct } = this.#deps.databases.for(tenant);
    const refresh = () => {
      if (this.#closed) return;
      // A failed refresh is logged by the load; the state at hand keeps serving.
      this.reload(tenant).catch(() => undefined);
    };
    const doubt = () => {
      const entry = this.#entry(tenant);
      if (entry.state) entry.state = unsure(entry.state);
      refresh();
    };
    const onNotify = (payload: string) => {
      if (RELOADS.has(payload)) doubt();
      if (payload === "reload config") this.#options.onReloadConfig(tenant);
    };
    let isFirst = true;
    const onLive = () => {
      // Nobody knows what was announced while nobody listened.
      if (!isFirst) {
        this.#options.onReloadConfig(tenant);
        doubt();
      }
      isFirst = false;
    };
    const unlisten = await listenForReload(direct, channel, onNotify, onLive);
    if (this.#closed) await unlisten();
    else entry.unlisten = unlisten;
  }
}
