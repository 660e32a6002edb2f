/**
 * How much a key may be used: requests per minute, over all servers, and a budget per day, month or
 * in all. Both are drawn from the database in portions that a server then spends by itself, so that
 * a busy key does not cost a write a request. Never more than the limit is spent; with several
 * servers the last portions of a period may stay unused.
 */
import type { Sql } from "postgres";
import type { Clock } from "../../../core/ports/clock.ts";
import type { RateLimiter } from "../../../core/ports/rate-limiter.ts";
import type { TenantCtx } from "../../../core/tenant.ts";
import { LruMap } from "../../../shared/lru-map.ts";
import { PerTenant } from "../../../shared/per-tenant.ts";
import { budgetPeriod } from "./budget-period.ts";
import { keyErrors } from "./errors.ts";
import type { ApiKeyRow } from "./schema.ts";
import { createApiKeyStore } from "./store.ts";

export interface KeyMeterOptions {
  readonly clock: Clock;
  readonly rateLimiter: RateLimiter;
  sql(tenant: TenantCtx): Sql;
  /** Requests per minute of keys without a limit of their own; 0 = any number. */
  readonly rateLimit: number;
}

export interface KeyMeter {
  isMetered(key: ApiKeyRow): boolean;
  /** Takes one request. @throws over_request_rate_limit, api_key_budget_spent (429) */
  take(tenant: TenantCtx, key: ApiKeyRow): Promise<void>;
  /** Gives back what was drawn and not spent. */
  close(): Promise<void>;
}

const WINDOW_MS = 60_000;
/** A portion of the rate counts for about this long. */
const PORTION_MS = 1000;
const KEYS_MAX = 10_000;
/** A portion of a budget is at most this part of it, and this many. */
const BUDGET_PARTS = 100;
const BUDGET_PORTION_MAX = 100;

interface Portion {
  left: number;
  /** Monotonic milliseconds. */
  until: number;
}

interface Drawn {
  period: string;
  left: number;
  drawing: Promise<boolean> | null;
}

export function createKeyMeter(options: KeyMeterOptions): KeyMeter {
  const { clock, sql } = options;
  const portions = new PerTenant(() => new LruMap<string, Portion>(KEYS_MAX));
  const budgets = new PerTenant((tenant) => ({ tenant, drawn: new Map<string, Drawn>() }));
  const rateOf = (key: ApiKeyRow) => key.rate_limit ?? options.rateLimit;

  const takeRate = async (tenant: TenantCtx, key: ApiKeyRow): Promise<void> => {
    const limit = rateOf(key);
    if (limit === 0) return;
    const portion = portions.of(tenant).get(key.id);
    if (portion && portion.left > 0 && clock.monotonic() < portion.until) {
      portion.left -= 1;
      return;
    }
    const cost = Math.max(1, Math.floor((limit * PORTION_MS) / WINDOW_MS));
    const rate = { limit, windowMs: WINDOW_MS };
    const { rateLimiter } = options;
    const decision = await rateLimiter.take(tenant, `auth:api_key:${key.id}`, rate, cost);
    if (!decision.allowed) {
      throw keyErrors.key_rate_limited(Math.max(1, Math.ceil(decision.retryAfterMs / 1000)));
    }
    const until = clock.monotonic() + PORTION_MS;
    if (cost > 1) portions.of(tenant).set(key.id, { left: cost - 1, until });
  };

  const takeBudget = async (tenant: TenantCtx, key: ApiKeyRow): Promise<void> => {
    if (key.budget_limit === null || key.budget_period === null) return;
    const { name: period, endsAt } = budgetPeriod(key.budget_period, clock.now());
    const { drawn: known } = budgets.of(tenant);
    let drawn = known.get(key.id);
    if (drawn?.period !== period) {
      drawn = { period, left: 0, drawing: null };
      known.set(key.id, drawn);
    }
    while (drawn.left === 0) {
      drawn.drawing ??= draw(createApiKeyStore(sql(tenant)), key, drawn);
      if (!(await drawn.drawing)) {
        const seconds = Math.max(1, Math.ceil((endsAt - clock.now()) / 1000));
        throw keyErrors.key_budget_spent(key.budget_period, seconds);
      }
    }
    drawn.left -= 1;
  };

  return {
    isMetered: (key) => rateOf(key) > 0 || key.budget_limit !== null,
    async take(tenant, key) {
      await takeRate(tenant, key);
      await takeBudget(tenant, key);
    },
    async close() {
      for (const { tenant, drawn } of budgets.values()) {
        const store = createApiKeyStore(sql(tenant));
        for (const [id, { period, left }] of drawn) {
          if (left > 0) await store.returnBudget(id, period, left);
        }
        drawn.clear();
      }
    },
  };
}

/** A portion, or the last single ones. False when nothing is left. */
async function draw(
  store: ReturnType<typeof createApiKeyStore>,
  key: ApiKeyRow,
  drawn: Drawn,
): Promise<boolean> {
  try {
    const limit = Number(key.budget_limit);
    const portion = Math.min(BUDGET_PORTION_MAX, Math.max(1, Math.floor(limit / BUDGET_PARTS)));
    for (const count of new Set([portion, 1])) {
      if (!(await store.drawBudget(key.id, drawn.period, count, limit))) continue;
      drawn.left += count;
      return true;
    }
    return false;
  } finally {
    drawn.drawing = null;
  }
}
