import { expect, test } from "bun:test";
import { createMemoryRateLimiter } from "../../src/shared/limits/memory-rate-limiter.ts";
import { createPostgresRateLimiter } from "../../src/shared/limits/postgres-rate-limiter.ts";
import { openSharedDatabase } from "../support/shared-database.ts";
import { createSimClock } from "../support/sim-clock.ts";
import { rateLimiterConformance } from "./rate-limiter.ts";

const t = { id: "t" };
const hourly = { limit: 1, windowMs: 3_600_000 };

rateLimiterConformance("memory", async () => {
  const clock = createSimClock();
  return { limiter: createMemoryRateLimiter(clock), clock, close: async () => {} };
});

rateLimiterConformance("postgres", async () => {
  const { databases, sql, close } = await openSharedDatabase();
  const advance = async (ms: number) => {
    await sql`update reactor.rate_limits set full_at = full_at - ${ms}::float8 * interval '1 ms'`;
  };
  return { limiter: createPostgresRateLimiter(databases), clock: { advance }, close };
});

test("in memory no more keys are kept than the bound, and the latest are", async () => {
  const limiter = createMemoryRateLimiter(createSimClock(), 3);
  for (const key of ["1", "2", "3", "4"]) await limiter.take(t, key, hourly);
  expect((await limiter.take(t, "4", hourly)).allowed).toBe(false);
  expect((await limiter.take(t, "2", hourly)).allowed).toBe(false);
  expect((await limiter.take(t, "1", hourly)).allowed).toBe(true);
});

test("in memory a step of the wall clock gives no budget back", async () => {
  const clock = createSimClock();
  const limiter = createMemoryRateLimiter(clock);
  await limiter.take(t, "step", hourly);
  clock.step(400 * 86_400_000);
  expect((await limiter.take(t, "step", hourly)).allowed).toBe(false);
});

test("in the database full budgets are swept, others kept", async () => {
  const { databases, sql, close } = await openSharedDatabase();
  try {
    const limiter = createPostgresRateLimiter(databases);
    await limiter.take(t, "old", hourly);
    await sql`update reactor.rate_limits set full_at = now() - interval '1 s'`;
    await limiter.take(t, "new", hourly);
    expect(await limiter.sweep(t)).toBe(1);
    expect((await limiter.take(t, "new", hourly)).allowed).toBe(false);
  } finally {
    await close();
  }
});
