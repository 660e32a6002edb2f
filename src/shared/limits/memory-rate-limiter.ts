/**
 * Rate limits of this process. Bounded: past `keysMax` the key used longest ago is forgotten, which
 * gives it its budget back; choose it larger than the keys that matter within one window.
 */
import type { Clock } from "../../core/ports/clock.ts";
import type { RateLimiter } from "../../core/ports/rate-limiter.ts";
import { LruMap } from "../lru-map.ts";
import { decisionOf, termsOf } from "./gcra.ts";

export function createMemoryRateLimiter(clock: Clock, keysMax = 100_000): RateLimiter {
  // Monotonic microseconds at which the key's budget is full again.
  const fullAt = new LruMap<string, number>(keysMax);
  return {
    async take(tenant, key, limit, cost = 1) {
      const terms = termsOf(limit, cost);
      const nowUs = Math.floor(clock.monotonic() * 1_000);
      const name = `${tenant.id}\0${key}`;
      const aheadUs = Math.max(0, (fullAt.get(name) ?? nowUs) - nowUs);
      const taken = aheadUs + terms.costUs;
      if (taken > terms.burstUs) return decisionOf(terms, false, aheadUs);
      fullAt.set(name, nowUs + taken);
      return decisionOf(terms, true, taken);
    },
  };
}
