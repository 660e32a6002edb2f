import { describe, expect, test } from "bun:test";
import postgres from "postgres";
import { parseDatabaseUrl, postgresJsOptions } from "../../src/postgres/url.ts";
import { createMemoryBus } from "../../src/shared/bus/memory-bus.ts";
import { createPostgresBus } from "../../src/shared/bus/postgres-bus.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { createIds } from "../../src/shared/ids.ts";
import { systemRng } from "../../src/shared/rng.ts";
import type { TenantDatabases } from "../../src/shared/tenant-database.ts";
import { createMemoryLog } from "../support/memory-log.ts";
import { testPostgres } from "../support/postgres.ts";
import { openSharedDatabase } from "../support/shared-database.ts";
import { until } from "../support/until.ts";
import { busConformance } from "./bus.ts";

const a = { id: "a" };

function busOn(databases: TenantDatabases) {
  const ids = createIds(systemClock, systemRng);
  return createPostgresBus({ databases, clock: systemClock, ids, log: createMemoryLog() });
}

busConformance("memory", async () => {
  const bus = createMemoryBus(createMemoryLog());
  return { bus, other: bus, cut: null, close: async () => {} };
});

busConformance("postgres", async () => {
  const shared = await openSharedDatabase();
  const bus = busOn(shared.databases);
  const other = busOn(shared.connect().databases);
  const cut = async () => {
    const cutOff = await shared.sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid() and query ilike 'listen%'`;
    if (cutOff.count === 0) throw new Error("no listening connection was found");
  };
  const close = async () => {
    await Promise.all([bus.close(), other.close()]);
    await shared.close();
  };
  return { bus, other, cut, close };
});

describe("Bus (postgres)", () => {
  test("outlives an outage: one gap, each message once, subscribing fails meanwhile", async () => {
    const shared = await openSharedDatabase();
    const bus = busOn(shared.databases);
    const { ownerUrl } = await testPostgres();
    const admin = postgres({ ...postgresJsOptions(parseDatabaseUrl(ownerUrl)), max: 1 });
    try {
      const [row] = await shared.sql<{ name: string }[]>`select current_database() as name`;
      const name = row?.name ?? "";
      const got: string[] = [];
      const gaps: string[] = [];
      for (const topic of ["one", "two"]) {
        const onGap = () => gaps.push(topic);
        await bus.subscribe(a, topic, (m) => got.push(`${topic}:${m.payload}`), onGap);
      }
      await admin.unsafe(`alter database "${name}" allow_connections false`);
      await admin`select pg_terminate_backend(pid) from pg_stat_activity where datname = ${name}`;
      let refused = 0;
      await until("subscribing to fail, again and again", async () => {
        await bus.subscribe(a, "three", () => undefined).catch(() => (refused += 1));
        return refused >= 5;
      });
      await admin.unsafe(`alter database "${name}" allow_connections true`);
      await until("the gap to be told", () => gaps.length >= 2);
      const publish = (topic: string) =>
        until("publishing", () =>
          bus.publish(a, topic, "x").then(
            () => true,
            () => false,
          ),
        );
      await publish("one");
      await publish("two");
      await until("messages", () => got.length >= 2);
      const late: string[] = [];
      await bus.subscribe(a, "three", (m) => late.push(m.payload));
      await publish("three");
      await until("the late subscriber", () => late.length > 0);
      expect(got.toSorted()).toEqual(["one:x", "two:x"]);
      expect(gaps.toSorted()).toEqual(["one", "two"]);
    } finally {
      await bus.close();
      await admin.end();
      await shared.close();
    }
  }, 60_000);

  test("what a transaction publishes arrives with its commit, and never after a rollback", async () => {
    const shared = await openSharedDatabase();
    const bus = busOn(shared.databases);
    try {
      const got: string[] = [];
      await bus.subscribe(a, "inside", (m) => got.push(m.payload));
      const undone = shared.sql.begin(async (tx) => {
        await bus.publishInside(a, tx, "inside", "undone");
        throw new Error("planted");
      });
      await expect(undone).rejects.toThrow("planted");
      await shared.sql.begin(async (tx) => {
        await bus.publishInside(a, tx, "inside", "kept");
        await bus.publish(a, "inside", "before the commit");
        await until("the other message", () => got.length > 0);
      });
      await until("both", () => got.length >= 2);
      expect(got).toEqual(["before the commit", "kept"]);
    } finally {
      await bus.close();
      await shared.close();
    }
  });

  test("the listening connection ends with the last subscriber", async () => {
    const shared = await openSharedDatabase();
    const bus = busOn(shared.databases);
    const listening = async () => {
      const rows = await shared.sql`
        select from pg_stat_activity where datname = current_database()
          and pid <> pg_backend_pid() and query ~* '^(un)?listen'`;
      return rows.count;
    };
    try {
      const stops = await Promise.all(
        ["1", "2", "3"].map((topic) => bus.subscribe(a, topic, () => undefined)),
      );
      expect(await listening()).toBe(1);
      for (const stop of stops) await stop();
      await until("its end", async () => (await listening()) === 0);
    } finally {
      await bus.close();
      await shared.close();
    }
  });
});
