/** How the cache of verified tokens fares: PostgREST's metrics, under its names. */
import type { Metrics } from "../../core/ports/metrics.ts";
import type { TokenCacheEvents } from "./auth/token-verifier.ts";

export function tokenCacheMetrics(metrics: Metrics): TokenCacheEvents {
  const requests = metrics.counter(
    "pgrst_jwt_cache_requests_total",
    "Tokens looked up in the cache of verified ones",
  );
  const hits = metrics.counter("pgrst_jwt_cache_hits_total", "Tokens found there");
  const evictions = metrics.counter("pgrst_jwt_cache_evictions_total", "Tokens that made room");
  return {
    onLookup(isHit) {
      requests.add({}, 1);
      if (isHit) hits.add({}, 1);
    },
    onEviction: () => evictions.add({}, 1),
  };
}
