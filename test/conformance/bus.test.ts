import { createMemoryBus } from "../../src/shared/bus/memory-bus.ts";
import { createPostgresBus } from "../../src/shared/bus/postgres-bus.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { createIds } from "../../src/shared/ids.ts";
import { systemRng } from "../../src/shared/rng.ts";
import { createMemoryLog } from "../support/memory-log.ts";
import { openSharedDatabase } from "../support/shared-database.ts";
import { busConformance } from "./bus.ts";

busConformance("memory", async () => {
  const bus = createMemoryBus(createMemoryLog());
  return { bus, other: bus, cut: null, close: async () => {} };
});

busConformance("postgres", async () => {
  const shared = await openSharedDatabase();
  const parts = {
    clock: systemClock,
    ids: createIds(systemClock, systemRng),
    log: createMemoryLog(),
  };
  const bus = createPostgresBus({ ...parts, databases: shared.databases });
  const other = createPostgresBus({ ...parts, databases: shared.connect().databases });
  const cut = async () => {
    const cutOff = await shared.sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid() and query ilike 'listen%'`;
    if (cutOff.count === 0) throw new Error("no listening connection was found");
  };
  return { bus, other, cut, close: shared.close };
});
