/**
 * The arithmetic of the generic cell rate algorithm (ITU-T I.371), in whole microseconds so that the
 * memory and the Postgres adapter decide alike: each unit moves the moment at which the budget is
 * full again by one interval, and fits while that moment is at most `limit` intervals away.
 */
import type { RateDecision, RateLimit } from "../../core/ports/rate-limiter.ts";

export interface Terms {
  /** Microseconds a unit of budget takes to come back; rounded up, so never more than the limit. */
  readonly intervalUs: number;
  readonly burstUs: number;
  readonly costUs: number;
}

/** @throws RangeError for a limit that means nothing: a defect of the caller. */
export function termsOf({ limit, windowMs }: RateLimit, cost: number): Terms {
  if (!(limit >= 1 && windowMs >= 1_000 && cost > 0)) {
    throw new RangeError("a rate limit is >= 1 per >= 1,000 ms, and a cost > 0");
  }
  const intervalUs = Math.ceil((windowMs * 1_000) / limit);
  return {
    intervalUs,
    burstUs: intervalUs * Math.floor(limit),
    costUs: Math.ceil(intervalUs * cost),
  };
}

/** @param aheadUs from now to the full budget, after the decision (unchanged when refused). */
export function decisionOf(terms: Terms, allowed: boolean, aheadUs: number): RateDecision {
  const { intervalUs, burstUs, costUs } = terms;
  if (allowed) {
    return {
      allowed,
      remaining: Math.floor((burstUs - aheadUs) / intervalUs),
      retryAfterMs: 0,
    };
  }
  // What costs more than the whole budget never fits; asking again before the window is useless.
  const waitUs = costUs > burstUs ? burstUs : aheadUs + costUs - burstUs;
  return {
    allowed,
    remaining: Math.max(0, Math.floor((burstUs - aheadUs) / intervalUs)),
    retryAfterMs: Math.max(1, Math.ceil(waitUs / 1_000)),
  };
}
