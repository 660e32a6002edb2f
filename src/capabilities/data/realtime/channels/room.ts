/** What sockets, channels and HTTP broadcasts work with. Made once, in `index.ts` of the capability. */
import type { AuthClient } from "../../../../core/ports/auth.ts";
import type { Bus } from "../../../../core/ports/bus.ts";
import type { Clock } from "../../../../core/ports/clock.ts";
import type { Databases } from "../../../../core/ports/database.ts";
import type { Ids } from "../../../../core/ports/ids.ts";
import type { Logger } from "../../../../core/ports/log.ts";
import type { Counter, Metrics } from "../../../../core/ports/metrics.ts";
import type { RateLimiter } from "../../../../core/ports/rate-limiter.ts";
import type { TenantCtx } from "../../../../core/tenant.ts";
import { createMemoryRateLimiter } from "../../../../shared/limits/memory-rate-limiter.ts";
import { PerTenant } from "../../../../shared/per-tenant.ts";
import type { DataConfig } from "../../config.ts";
import type { DataRoom } from "../../room.ts";
import type { Setting } from "../../schema/schema.ts";
import type { ChangeFeed } from "../change-feed.ts";
import type { Seal } from "./cluster.ts";
import { Hub } from "./hub.ts";
import type { Session } from "./session.ts";

export interface ChannelRoomDeps {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly databases: Databases;
  readonly ids: Ids;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** How a tenant's database is served. */
export interface Served {
  /** Of requests for the default schema: policies and what they call run with it. */
  readonly searchPath: string;
  /** Exposed schemas. */
  readonly schemas: readonly string[];
  /** `app.settings.*`, which policies may read. */
  readonly settings: readonly Setting[];
}

export interface ChannelRoomOptions {
  readonly config: DataConfig;
  /** Who a credential proves, as for the rest of the capability. */
  readonly auth: AuthClient;
  /** For what the servers of a tenant tell one another. */
  openSeal(tenant: TenantCtx): Promise<Seal>;
  /** @throws PGRST002 while the database is away */
  served(tenant: TenantCtx): Served | Promise<Served>;
  /** Null: `postgres_changes` cannot be had. */
  readonly feed: ChangeFeed | null;
}

export interface ChannelRoom extends ChannelRoomOptions {
  readonly clock: Clock;
  readonly databases: Databases;
  readonly log: Logger;
  /** Broadcasts by HTTP, for each caller. */
  readonly httpLimiter: RateLimiter;
  readonly counted: { readonly received: () => void; readonly sent: () => void; closed: Counter };
  hubOf(tenant: TenantCtx): Hub;
  /** Open sockets of a tenant. */
  sessionsOf(tenant: TenantCtx): Set<Session>;
  /** Of every tenant. */
  totals(): { readonly sockets: number; readonly channels: number };
  close(): Promise<void>;
}

interface TenantChannels {
  readonly hub: Hub;
  readonly sessions: Set<Session>;
}

const HTTP_CALLERS_MAX = 10_000;

export function createChannelRoom(deps: ChannelRoomDeps, options: ChannelRoomOptions): ChannelRoom {
  const { clock, databases, log, metrics } = deps;
  const self = deps.ids.token(8);
  const tenants = new PerTenant<TenantChannels>((tenant) => ({
    hub: new Hub({ ...deps, tenant, self, openSeal: once(() => options.openSeal(tenant)) }),
    sessions: new Set(),
  }));
  const totals = () => {
    let [sockets, channels] = [0, 0];
    for (const { hub, sessions } of tenants.values()) {
      sockets += sessions.size;
      channels += hub.channels;
    }
    return { sockets, channels };
  };
  collect(metrics, totals);
  return {
    ...options,
    clock,
    databases,
    log,
    httpLimiter: createMemoryRateLimiter(clock, HTTP_CALLERS_MAX),
    counted: counters(metrics),
    hubOf: (tenant) => tenants.of(tenant).hub,
    sessionsOf: (tenant) => tenants.of(tenant).sessions,
    totals,
    async close() {
      await Promise.all(tenants.values().map(({ hub }) => hub.close()));
    },
  };
}

export function servedBy(room: DataRoom): Served {
  return {
    searchPath: room.searchPaths.get(room.defaultSchema) ?? "",
    schemas: room.config.db_schemas,
    settings: room.appSettings,
  };
}

/** Asks until it has succeeded, and then no more. */
function once<T>(ask: () => Promise<T>): () => Promise<T> {
  let asked: Promise<T> | null = null;
  return () => {
    asked ??= ask().catch((error: unknown) => {
      asked = null;
      throw error;
    });
    return asked;
  };
}

function collect(metrics: Metrics, totals: ChannelRoom["totals"]): void {
  const sockets = metrics.gauge("reactor_realtime_sockets", "Open WebSockets.");
  const channels = metrics.gauge("reactor_realtime_channels", "Channels somebody here has joined.");
  metrics.onCollect(() => {
    const now = totals();
    sockets.set({}, now.sockets);
    channels.set({}, now.channels);
  });
}

function counters(metrics: Metrics): ChannelRoom["counted"] {
  const messages = metrics.counter("reactor_realtime_messages_total", "Frames of WebSockets.");
  return {
    received: messages.bind({ direction: "in" }),
    sent: messages.bind({ direction: "out" }),
    closed: metrics.counter("reactor_realtime_closed_total", "WebSockets that we closed."),
  };
}
