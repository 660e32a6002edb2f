/** What every RateLimiter adapter must do. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { RateLimiter } from "../../src/core/ports/rate-limiter.ts";
import type { OpenedClock } from "./opened.ts";

export interface OpenedRateLimiter {
  readonly limiter: RateLimiter;
  readonly clock: OpenedClock;
  close(): Promise<void>;
}

const a = { id: "tenant-a" };
const b = { id: "tenant-b" };
/** One unit comes back each 20 minutes: a test's own running time cannot matter. */
const three = { limit: 3, windowMs: 3_600_000 };
const MINUTE = 60_000;

export function rateLimiterConformance(name: string, open: () => Promise<OpenedRateLimiter>): void {
  describe(`RateLimiter (${name})`, () => {
    let opened: OpenedRateLimiter;
    let limiter: RateLimiter;
    beforeAll(async () => {
      opened = await open();
      limiter = opened.limiter;
    });
    afterAll(() => opened?.close());

    test("as many as the limit fit at once, then none", async () => {
      const remaining: number[] = [];
      for (let i = 0; i < 3; i++) {
        const taken = await limiter.take(a, "burst", three);
        expect(taken.allowed).toBe(true);
        expect(taken.retryAfterMs).toBe(0);
        remaining.push(taken.remaining);
      }
      expect(remaining).toEqual([2, 1, 0]);
      const refused = await limiter.take(a, "burst", three);
      expect(refused.allowed).toBe(false);
      expect(refused.remaining).toBe(0);
      expect(refused.retryAfterMs).toBeGreaterThan(19 * MINUTE);
      expect(refused.retryAfterMs).toBeLessThanOrEqual(20 * MINUTE);
    });

    test("budget comes back evenly, and no further than the limit", async () => {
      for (let i = 0; i < 3; i++) await limiter.take(a, "refill", three);
      await opened.clock.advance(19 * MINUTE);
      expect((await limiter.take(a, "refill", three)).allowed).toBe(false);
      await opened.clock.advance(MINUTE);
      expect((await limiter.take(a, "refill", three)).allowed).toBe(true);
      expect((await limiter.take(a, "refill", three)).allowed).toBe(false);
      await opened.clock.advance(10 * 60 * MINUTE);
      const allowed: boolean[] = [];
      for (let i = 0; i < 5; i++) allowed.push((await limiter.take(a, "refill", three)).allowed);
      expect(allowed).toEqual([true, true, true, false, false]);
    });

    test("being refused costs nothing", async () => {
      for (let i = 0; i < 20; i++) await limiter.take(a, "refused", three);
      await opened.clock.advance(20 * MINUTE);
      expect((await limiter.take(a, "refused", three)).allowed).toBe(true);
    });

    test("keys and tenants have their own budgets", async () => {
      for (let i = 0; i < 4; i++) await limiter.take(a, "apart", three);
      expect((await limiter.take(b, "apart", three)).remaining).toBe(2);
      expect((await limiter.take(a, "apart2", three)).remaining).toBe(2);
      const long = "k".repeat(10_000);
      await limiter.take(a, `${long}1`, three);
      expect((await limiter.take(a, `${long}2`, three)).remaining).toBe(2);
      expect((await limiter.take(a, "nul\0\ud800", three)).remaining).toBe(2);
    });

    test("a cost takes several units, or is refused whole", async () => {
      expect((await limiter.take(a, "cost", three, 2)).remaining).toBe(1);
      expect((await limiter.take(a, "cost", three, 2)).allowed).toBe(false);
      expect((await limiter.take(a, "cost", three, 1)).allowed).toBe(true);
      const never = await limiter.take(a, "too-much", three, 4);
      expect(never.allowed).toBe(false);
      expect(never.retryAfterMs).toBe(60 * MINUTE);
      expect((await limiter.take(a, "too-much", three, 3)).allowed).toBe(true);
    });

    test("a limit that does not divide its window still allows exactly the limit", async () => {
      for (const limit of [7, 999, 1]) {
        const odd = { limit, windowMs: 1_000_000 };
        const decisions = await Promise.all(
          Array.from({ length: limit + 3 }, () => limiter.take(a, `odd-${limit}`, odd)),
        );
        expect(decisions.filter((d) => d.allowed)).toHaveLength(limit);
      }
    });

    test("of many at once exactly the limit is allowed", async () => {
      const limit = { limit: 10, windowMs: 3_600_000 };
      const all = await Promise.all(
        Array.from({ length: 50 }, () => limiter.take(a, "race", limit)),
      );
      expect(all.filter((d) => d.allowed)).toHaveLength(10);
    });

    test("a limit without meaning is refused", async () => {
      const take = (limit: number, windowMs: number, cost?: number) =>
        limiter.take(a, "bad", { limit, windowMs }, cost);
      await expect(take(0, 1_000)).rejects.toThrow(RangeError);
      await expect(take(1, 999)).rejects.toThrow(RangeError);
      await expect(take(Number.NaN, 1_000)).rejects.toThrow(RangeError);
      await expect(take(1, 1_000, 0)).rejects.toThrow(RangeError);
    });
  });
}
