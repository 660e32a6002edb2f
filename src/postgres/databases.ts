/**
 * All handles on the databases of all tenants: a bounded, least-recently-used set. Nothing connects
 * before it is used. Ask `for(tenant)` at each operation and keep no handle: an evicted one drains
 * and then refuses.
 */
import postgres, { type Notice, type Sql } from "postgres";
import type { Clock } from "../core/ports/clock.ts";
import type { Databases, PoolStats, TenantDatabase } from "../core/ports/database.ts";
import type { Logger } from "../core/ports/log.ts";
import type { Metrics } from "../core/ports/metrics.ts";
import type { Rng } from "../core/ports/rng.ts";
import type { TenantCtx } from "../core/tenant.ts";
import { parseDatabaseUrl, postgresJsOptions } from "./url.ts";
import { CopyIn } from "./wire/copy-in.ts";
import { createUserPool, type ManagedUserPool, type UserPoolLimits } from "./wire/user-pool.ts";

/** libpq URLs of one tenant's database. */
export interface DatabaseUrls {
  /** The owner, perhaps through a pooler. */
  readonly ownerUrl: string;
  /** The login role `authenticator`, perhaps through a pooler. */
  readonly userUrl: string;
  /** The owner without a pooler: LISTEN, replication, migrations. */
  readonly directUrl: string;
}

export interface DatabasesOptions {
  readonly urlFor: (tenant: TenantCtx) => DatabaseUrls;
  readonly limits?: UserPoolLimits & {
    /** Tenants whose pools are open at once. Default 100. */
    readonly tenants?: number;
    /** Connections of `system`. Default 4. */
    readonly systemSize?: number;
    /** Connections of `direct`. Default 2. */
    readonly directSize?: number;
  };
  /** False behind a transaction pooler. Default true. */
  readonly prepared?: boolean;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
  readonly metrics?: Metrics;
}

/** `Databases`, and what only the boot sequence needs of it. */
export interface ManagedDatabases extends Databases {
  for(tenant: TenantCtx): ManagedTenantDatabase;
}

interface ManagedTenantDatabase extends TenantDatabase {
  readonly user: ManagedUserPool;
}

interface OpenTenant {
  readonly tenant: TenantCtx;
  readonly database: ManagedTenantDatabase;
  readonly copies: CopyIn;
}

const MAX_TENANTS = 100;
const IDLE_TIMEOUT_S = 60;
const CLOSE_BUDGET_MS = 5_000;

export function createDatabases(options: DatabasesOptions): ManagedDatabases {
  const opened = new Map<string, OpenTenant>();
  const closing = new Set<Promise<void>>();
  const limit = options.limits?.tenants ?? MAX_TENANTS;
  let isClosed = false;
  /** The last of `opened`, which need not be moved. */
  let latest: OpenTenant | null = null;

  const retire = (entry: OpenTenant) => {
    opened.delete(entry.tenant.id);
    if (entry === latest) latest = null;
    const closed = closeTenant(entry, options.log).finally(() => closing.delete(closed));
    closing.add(closed);
  };
  const databases: ManagedDatabases = {
    for(tenant) {
      if (latest?.tenant.id === tenant.id) return latest.database;
      const known = opened.get(tenant.id);
      if (known) {
        opened.delete(tenant.id);
        opened.set(tenant.id, known);
        latest = known;
        return known.database;
      }
      if (isClosed) throw new Error("the databases are closed");
      latest = openTenant(tenant, options);
      opened.set(tenant.id, latest);
      const oldest = opened.size > limit ? opened.values().next().value : undefined;
      if (oldest) retire(oldest);
      return latest.database;
    },
    open: () =>
      [...opened.values()].map(({ tenant, database }) => ({
        tenant,
        stats: database.user.stats(),
      })),
    async close() {
      isClosed = true;
      for (const entry of [...opened.values()]) retire(entry);
      await Promise.all(closing);
    },
  };
  if (options.metrics) publish(databases, options.metrics);
  return databases;
}

function openTenant(tenant: TenantCtx, options: DatabasesOptions): OpenTenant {
  const { limits = {}, clock, rng } = options;
  const { ownerUrl, userUrl, directUrl } = options.urlFor(tenant);
  const log = options.log.with({ tenant: tenant.id });
  const prepared = options.prepared !== false;
  const address = parseDatabaseUrl(userUrl);
  if (address.ignored.length > 0) {
    log.warn("database.url_parameters_ignored", { names: address.ignored });
  }
  const copies = new CopyIn({
    ...{ address: parseDatabaseUrl(ownerUrl), clock, rng },
    idleTimeoutMs: IDLE_TIMEOUT_S * 1000,
  });
  const database: ManagedTenantDatabase = {
    user: createUserPool({ address, limits, prepared, clock, rng, log }),
    login: address.user,
    system: openSql(ownerUrl, { max: limits.systemSize ?? 4, prepared, log }),
    direct: openSql(directUrl, { max: limits.directSize ?? 2, prepared: true, log }),
    copyIn: (sql, data) => copies.write(sql, data),
    ownerUrl,
    directUrl,
  };
  return { tenant, database, copies };
}

/** postgres.js on a libpq URL, Unix socket and TLS included; notices go to the log. */
function openSql(
  url: string,
  options: { max: number; prepared: boolean; log: Logger },
  onNotice = (notice: Notice) => logNotice(notice, options.log),
): Sql {
  return postgres({
    ...postgresJsOptions(parseDatabaseUrl(url)),
    max: options.max,
    prepare: options.prepared,
    idle_timeout: IDLE_TIMEOUT_S,
    onnotice: onNotice,
  });
}

/** One connection as the owner, for boot and commands: migrations before any pool exists. */
export function openDirect(directUrl: string, log: Logger): Sql {
  return openSql(directUrl, { max: 1, prepared: true, log });
}

/** As `openDirect`, with notices for somebody else than the log. */
export function openConnection(
  directUrl: string,
  log: Logger,
  onNotice: (notice: Readonly<Record<string, string>>) => void,
): Sql {
  return openSql(directUrl, { max: 1, prepared: true, log }, onNotice);
}

function logNotice(notice: Notice, log: Logger): void {
  const level = notice["severity"] === "WARNING" ? "warn" : "debug";
  log[level]("postgres.notice", {
    severity: notice["severity"],
    code: notice["code"],
    message: notice["message"],
    hint: notice["hint"],
  });
}

async function closeTenant({ tenant, database, copies }: OpenTenant, log: Logger): Promise<void> {
  const seconds = CLOSE_BUDGET_MS / 1000;
  const results = await Promise.allSettled([
    database.user.close(CLOSE_BUDGET_MS),
    copies.close(CLOSE_BUDGET_MS),
    database.system.end({ timeout: seconds }),
    database.direct.end({ timeout: seconds }),
  ]);
  for (const result of results) {
    if (result.status === "fulfilled") continue;
    log.warn("database.close_failed", { tenant: tenant.id, error: result.reason });
  }
}

/** Sums over tenants: their names are no bounded set. */
function publish(databases: Databases, metrics: Metrics): void {
  const tenants = metrics.gauge("reactor_database_tenants", "Tenants whose pools are open");
  const connections = metrics.gauge(
    "reactor_database_connections",
    "Connections of the pools for user queries",
  );
  const queries = metrics.gauge("reactor_database_queries", "User queries waiting and under way");
  metrics.onCollect(() => {
    const open = databases.open();
    const sum = (field: keyof PoolStats) => open.reduce((all, { stats }) => all + stats[field], 0);
    tenants.set({}, open.length);
    connections.set({ state: "idle" }, sum("idle"));
    connections.set({ state: "busy" }, sum("connections") - sum("idle"));
    queries.set({ state: "queued" }, sum("queued"));
    queries.set({ state: "in_flight" }, sum("inFlight"));
  });
}
