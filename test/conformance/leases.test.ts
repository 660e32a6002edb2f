import { createMemoryLeases } from "../../src/shared/leases/memory-leases.ts";
import { createPostgresLeases } from "../../src/shared/leases/postgres-leases.ts";
import { openSharedDatabase } from "../support/shared-database.ts";
import { createSimClock } from "../support/sim-clock.ts";
import { leasesConformance } from "./leases.ts";

leasesConformance("memory", async () => {
  const clock = createSimClock();
  return { leases: createMemoryLeases(clock), clock, close: async () => {} };
});

leasesConformance("postgres", async () => {
  const { databases, sql, close } = await openSharedDatabase();
  const advance = async (ms: number) => {
    await sql`update reactor.leases set expires_at = expires_at - ${ms}::float8 * interval '1 ms'`;
  };
  return { leases: createPostgresLeases(databases), clock: { advance }, close };
});
