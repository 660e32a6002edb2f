import type { TenantCtx } from "../tenant.ts";

export interface RateLimit {
  /** Requests per window, >= 1. */
  readonly limit: number;
  /** Window in milliseconds, >= 1,000. */
  readonly windowMs: number;
}

export interface RateDecision {
  readonly allowed: boolean;
  /** How many more fit now. */
  readonly remaining: number;
  /** Milliseconds until one more fits; 0 when allowed. */
  readonly retryAfterMs: number;
}

/** Counts events per key; GCRA semantics (smooth, burst = limit). */
export interface RateLimiter {
  /** Takes one (or `cost`) from the key's budget. */
  take(tenant: TenantCtx, key: string, limit: RateLimit, cost?: number): Promise<RateDecision>;
}
