/** PostgREST's metrics under its own names (docs.postgrest.org, "Observability / Metrics"). */
import type { Databases, PoolStats } from "../../core/ports/database.ts";
import type { Metrics } from "../../core/ports/metrics.ts";
import type { TokenCacheEvents } from "./auth/token-verifier.ts";

export interface DataMetrics {
  readonly tokens: TokenCacheEvents;
  readonly schemaLoaded: (queryMs: number) => void;
  readonly schemaFailed: () => void;
  /** A request had waited for a connection in vain. */
  readonly poolTimedOut: () => void;
}

export function dataMetrics(metrics: Metrics, databases: Databases): DataMetrics {
  publishPools(metrics, databases);
  const seconds = metrics.gauge(
    "pgrst_schema_cache_query_time_seconds",
    "Time the last reading of a schema took",
  );
  const loads = metrics.counter("pgrst_schema_cache_loads_total", "Readings of schemas");
  const timeouts = metrics.counter(
    "pgrst_db_pool_timeouts_total",
    "Requests that waited for a connection in vain",
  );
  return {
    tokens: tokenMetrics(metrics),
    schemaLoaded(queryMs) {
      seconds.set({}, queryMs / 1_000);
      loads.add({ status: "SUCCESS" });
    },
    schemaFailed: () => loads.add({ status: "FAIL" }),
    poolTimedOut: () => timeouts.add({}),
  };
}

function tokenMetrics(metrics: Metrics): TokenCacheEvents {
  const count = (what: string, help: string) =>
    metrics.counter(`pgrst_jwt_cache_${what}_total`, help).bind({});
  const requests = count("requests", "Tokens looked up among the verified ones");
  const hits = count("hits", "Tokens found there");
  const evictions = count("evictions", "Verified tokens that made room for others");
  return {
    onLookup(isHit) {
      requests();
      if (isHit) hits();
    },
    onEviction: () => evictions(),
  };
}

/** Sums over tenants: their names are no bounded set. */
function publishPools(metrics: Metrics, databases: Databases): void {
  const available = metrics.gauge("pgrst_db_pool_available", "Connections that could take a query");
  const waiting = metrics.gauge("pgrst_db_pool_waiting", "Queries that wait for a connection");
  const max = metrics.gauge("pgrst_db_pool_max", "Connections at most");
  metrics.onCollect(() => {
    const open = databases.open();
    const sum = (of: (stats: PoolStats) => number) =>
      open.reduce((all, { stats }) => all + of(stats), 0);
    available.set(
      {},
      sum(({ limit, connections, idle }) => limit - connections + idle),
    );
    waiting.set(
      {},
      sum(({ queued }) => queued),
    );
    max.set(
      {},
      sum(({ limit }) => limit),
    );
  });
}
