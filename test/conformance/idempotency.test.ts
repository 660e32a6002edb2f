import { createMemoryIdempotency } from "../../src/shared/idempotency/memory-idempotency.ts";
import { createPostgresIdempotency } from "../../src/shared/idempotency/postgres-idempotency.ts";
import { createIds } from "../../src/shared/ids.ts";
import { createSeededRng } from "../support/seeded-rng.ts";
import { openSharedDatabase } from "../support/shared-database.ts";
import { createSimClock } from "../support/sim-clock.ts";
import { idempotencyConformance } from "./idempotency.ts";

const ids = createIds(createSimClock(), createSeededRng(1));

idempotencyConformance("memory", async () => {
  const clock = createSimClock();
  return { store: createMemoryIdempotency(clock, ids), clock, close: async () => {} };
});

idempotencyConformance("postgres", async () => {
  const { databases, sql, close } = await openSharedDatabase();
  const advance = async (ms: number) => {
    await sql`
      update reactor.idempotency set expires_at = expires_at - ${ms}::float8 * interval '1 ms'`;
  };
  return { store: createPostgresIdempotency(databases, ids), clock: { advance }, close };
});
