import { createMemoryKv } from "../../src/shared/kv/memory-kv.ts";
import { createPostgresKv } from "../../src/shared/kv/postgres-kv.ts";
import { openSharedDatabase } from "../support/shared-database.ts";
import { createSimClock } from "../support/sim-clock.ts";
import { kvConformance } from "./kv.ts";

kvConformance("memory", async () => {
  const clock = createSimClock();
  return { kv: createMemoryKv(clock), clock, close: async () => {} };
});

kvConformance("postgres", async () => {
  const { databases, sql, close } = await openSharedDatabase();
  const advance = async (ms: number) => {
    await sql`update reactor.kv set expires_at = expires_at - ${ms}::float8 * interval '1 ms'`;
  };
  return { kv: createPostgresKv(databases), clock: { advance }, close };
});
