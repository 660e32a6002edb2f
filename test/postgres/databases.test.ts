import { afterAll, expect, test } from "bun:test";
import type { Metrics } from "../../src/core/ports/metrics.ts";
import { createDatabases, type DatabasesOptions } from "../../src/postgres/databases.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { systemRng } from "../../src/shared/rng.ts";
import { createMemoryLog } from "../support/memory-log.ts";
import { until } from "../support/until.ts";
import { ask, failure, one, openWireDatabase } from "./wire-database.ts";

const first = await openWireDatabase("create table whose as select 'first' as name");
const second = await openWireDatabase("create table whose as select 'second' as name");
afterAll(() => Promise.all([first.close(), second.close()]));

function open(options: Partial<DatabasesOptions> = {}) {
  return createDatabases({
    urlFor: ({ id }) => {
      const { url, userUrl } = id === "first" ? first : second;
      return { ownerUrl: url, userUrl, directUrl: url };
    },
    clock: systemClock,
    rng: systemRng,
    log: createMemoryLog(),
    ...options,
  });
}

test("each tenant has its own database behind every handle", async () => {
  const databases = open();
  for (const id of ["first", "second"]) {
    const { user, system, direct, ownerUrl } = databases.for({ id });
    expect(await one(user as ReturnType<typeof first.pool>, "select name from whose")).toBe(id);
    for (const sql of [system, direct])
      expect([...(await sql`select name from whose`)]).toEqual([{ name: id }]);
    expect(ownerUrl).toBe(id === "first" ? first.url : second.url);
    expect(databases.for({ id }).user).toBe(user);
  }
  expect(databases.open().map(({ tenant }) => tenant.id)).toEqual(["first", "second"]);
  await databases.close();
});

test("the tenant that was used least recently is closed when there are too many", async () => {
  const databases = open({ limits: { tenants: 2 } });
  const a = databases.for({ id: "first" }).user;
  await a.query(ask("select 1"));
  const b = databases.for({ id: "b" }).user;
  await b.query(ask("select 1"));
  databases.for({ id: "first" });
  databases.for({ id: "c" });
  expect(databases.open().map(({ tenant }) => tenant.id)).toEqual(["first", "c"]);
  expect(await failure(b.query(ask("select 1")))).toMatchObject({ code: "database_unavailable" });
  await until("its connections close", () => b.stats().connections === 0);
  await a.query(ask("select 1"));
  await databases.close();
});

test("a statement that fails after its first rows leaves nothing to the next one", async () => {
  const databases = open();
  const { direct } = databases.for({ id: "first" });
  const sql = await direct.reserve();
  await failure(sql`select 1 / (3 - n) from generate_series(1, 3) n`);
  const found = await sql`select name from whose`;
  expect(found.map(({ name }) => name)).toEqual(["first"]);
  sql.release();
  await databases.close();
});

test("closing leaves no connection on the server", async () => {
  const named = (url: string) => `${url}&application_name=closing`;
  const databases = open({
    urlFor: () => ({
      ownerUrl: named(second.url),
      userUrl: named(second.userUrl),
      directUrl: named(second.url),
    }),
  });
  const { user, system, direct, copyIn } = databases.for({ id: "second" });
  await Promise.all([user.query(ask("select 1")), system`select 1`, direct`select 1`]);
  await copyIn("copy whose from stdin", new TextEncoder().encode("third\n"));
  const connections = async () =>
    (await first.sql`select 1 from pg_stat_activity where application_name = 'closing'`).length;
  expect(await connections()).toBe(4);
  await databases.close();
  await until("the connections are gone", async () => (await connections()) === 0);
  expect(() => databases.for({ id: "first" })).toThrow("closed");
});

test("metrics tell connections and queries by state", async () => {
  const values = new Map<string, number>();
  let collect: () => void = () => undefined;
  const metrics = {
    gauge: (name: string) => ({
      set: (labels: Record<string, string>, value: number) =>
        void values.set(`${name}{${labels["state"] ?? ""}}`, value),
    }),
    onCollect: (read: () => void) => {
      collect = read;
    },
  } as Partial<Metrics> as Metrics;
  const databases = open({ metrics });
  await databases.for({ id: "first" }).user.query(ask("select 1"));
  collect();
  expect(Object.fromEntries(values)).toEqual({
    "reactor_database_tenants{}": 1,
    "reactor_database_connections{idle}": 1,
    "reactor_database_connections{busy}": 0,
    "reactor_database_queries{queued}": 0,
    "reactor_database_queries{in_flight}": 0,
  });
  await databases.close();
});
