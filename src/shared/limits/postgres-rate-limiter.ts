/** Rate limits shared by all servers: one upsert per decision, by the database's clock. */
import { createHash } from "node:crypto";
import type { RateLimiter } from "../../core/ports/rate-limiter.ts";
import type { Sweeper, TenantDatabases } from "../tenant-database.ts";
import { decisionOf, termsOf } from "./gcra.ts";

/** Longer keys, and those that are not text to Postgres, are kept by their hash. */
const KEY_LENGTH_MAX = 200;

interface TakenRow {
  readonly allowed: boolean;
  /** Microseconds until the budget is full again. */
  readonly ahead: number;
}

export function createPostgresRateLimiter(databases: TenantDatabases): RateLimiter & Sweeper {
  return {
    async take(tenant, key, limit, cost = 1) {
      const terms = termsOf(limit, cost);
      const ahead = databases.for(tenant).system`
        greatest(r.full_at, now()) + ${terms.costUs}::float8 * interval '1 microsecond'`;
      const latest = databases.for(tenant).system`
        now() + ${terms.burstUs}::float8 * interval '1 microsecond'`;
      const first = terms.costUs <= terms.burstUs;
      const [row] = await databases.for(tenant).system<TakenRow[]>`
        insert into reactor.rate_limits as r (tenant, key, full_at, allowed)
        values (${tenant.id}, ${storedKey(key)},
          now() + ${first ? terms.costUs : 0}::float8 * interval '1 microsecond', ${first})
        on conflict (tenant, key) do update set
          allowed = ${ahead} <= ${latest},
          full_at = case when ${ahead} <= ${latest} then ${ahead} else r.full_at end
        returning allowed,
          round(greatest(0, extract(epoch from full_at - now()) * 1000000))::float8 as ahead`;
      if (!row) throw new Error("the rate limit's upsert returned nothing");
      return decisionOf(terms, row.allowed, Number(row.ahead));
    },
    async sweep(tenant) {
      const rows = await databases.for(tenant).system`
        delete from reactor.rate_limits where (tenant, key) in (
          select tenant, key from reactor.rate_limits
          where tenant = ${tenant.id} and full_at <= now() limit 10000 for update skip locked)`;
      return rows.count;
    },
  };
}

function storedKey(key: string): string {
  const plain = key.length <= KEY_LENGTH_MAX && !key.includes("\0") && key.isWellFormed();
  return plain ? `k:${key}` : `h:${createHash("sha256").update(JSON.stringify(key)).digest("hex")}`;
}
