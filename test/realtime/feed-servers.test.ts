/** Several servers on one database: one reads the log and feeds the others over a bus that may lose. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { SlotJanitor } from "../../src/capabilities/data/realtime/feed/slot-janitor.ts";
import type { Bus } from "../../src/core/ports/bus.ts";
import { DEFAULT_TENANT } from "../../src/core/tenant.ts";
import { createMemoryLog } from "../support/memory-log.ts";
import { silentLog } from "../support/postgres.ts";
import { createSeededRng } from "../support/seeded-rng.ts";
import { createSimClock } from "../support/sim-clock.ts";
import { until } from "../support/until.ts";
import { type FeedWorld, type Listener, openFeedWorld, type TestFeed } from "./feed-world.ts";

const SERVICE = { role: "service_role", table: "notes" };

let world: FeedWorld;
const running: TestFeed[] = [];
beforeAll(async () => {
  world = await openFeedWorld(`
    create table notes (id serial primary key, n int, body text);
    alter table notes enable row level security;
    create policy everybody on notes for select to authenticated using (n % 2 = 0);
  `);
});
afterEach(async () => {
  for (const server of running.splice(0)) await server.stop();
});
afterAll(() => world.close());

function start(options: Parameters<FeedWorld["server"]>[0] = {}): TestFeed {
  const server = world.server(options);
  running.push(server);
  return server;
}

const numbers = ({ changes }: Listener) =>
  changes.map(({ record }) => (JSON.parse(record ?? "{}") as { n: number }).n);
const insert = (from: number, to: number) =>
  world.sql`insert into notes (n) select n from generate_series(${from}::int, ${to}::int) n`;

/** Of every message with the given text in it, drops some. */
function lossy(bus: Bus, isLost: () => boolean): Bus {
  return {
    publish: (...args) => (isLost() ? Promise.resolve() : bus.publish(...args)),
    subscribe: (tenant, topic, onMessage, onGap) =>
      bus.subscribe(tenant, topic, (message) => (isLost() ? undefined : onMessage(message)), onGap),
  };
}

describe("a server that does not read the log", () => {
  test("tells the same, under the rights of its own subscribers", async () => {
    const first = await start().subscribe(SERVICE);
    const second = start();
    const all = await second.subscribe(SERVICE);
    const some = await second.subscribe({ table: "notes", user: "u" });
    await insert(1, 10);
    await world.sql`update notes set n = 12 where n = 9`;
    await world.settle(first, all, some);
    expect(all.told).toEqual(first.told);
    expect(numbers(some)).toEqual([2, 4, 6, 8, 10, 12]);
  });

  test("takes over when the reader has gone, and nothing is lost or told twice", async () => {
    const first = start();
    const one = await first.subscribe(SERVICE);
    const second = start();
    const other = await second.subscribe(SERVICE);
    await insert(1, 5);
    await other.heard(5);
    await first.stop();
    await insert(6, 10);
    await other.heard(10);
    expect(numbers(other)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(other.gaps).toEqual([]);
    expect(one.endReason).toBe("the server is stopping");
    // And back again, with what a third one has heard.
    const third = start();
    const back = await third.subscribe({ ...SERVICE, after: other.changes[7]?.id ?? "" });
    await insert(11, 12);
    await back.heard(4);
    expect(numbers(back)).toEqual([9, 10, 11, 12]);
  });

  test("asks again for what the bus has lost", async () => {
    const rng = createSeededRng(7);
    let rate = 0;
    const bus = lossy(world.bus, () => rng.float() < rate);
    const one = await start({ bus }).subscribe(SERVICE);
    const other = await start({ bus }).subscribe(SERVICE);
    rate = 0.4;
    for (let n = 1; n <= 60; n++) await insert(n, n);
    await one.heard(60);
    await other.heard(60);
    expect(numbers(other)).toEqual(Array.from({ length: 60 }, (_, n) => n + 1));
    expect(other.gaps).toEqual([]);
  });

  test("that has missed more than the window tells of a gap", async () => {
    let isLost = false;
    const bus = lossy(world.bus, () => isLost);
    const config = { realtime_window_ms: 1_000 };
    const reader = start({ config });
    const one = await reader.subscribe(SERVICE);
    const other = await start({ config, bus }).subscribe(SERVICE);
    await insert(1, 1);
    await other.heard(1);
    isLost = true;
    await insert(2, 3);
    await one.heard(3);
    await until("the end of the window", async () => {
      const probe = await reader.subscribe({ ...SERVICE, after: one.changes[0]?.id ?? "" });
      await until("an answer", () => probe.told.length > 0);
      probe.subscription.close();
      return probe.gaps.length > 0;
    });
    isLost = false;
    await until("the gap", () => other.gaps.length > 0);
    await insert(4, 4);
    await until("what is new", () => numbers(other).at(-1) === 4);
    expect(numbers(other)).not.toContain(2);
    expect(other.gaps).toEqual(["the feed was interrupted"]);
  });

  test("of a row that is too large for the bus tells of a gap", async () => {
    const one = await start().subscribe(SERVICE);
    const other = await start().subscribe(SERVICE);
    await world.sql`insert into notes (n, body) values (1, repeat('x', 700000))`;
    await insert(2, 2);
    await one.heard(2);
    await other.heard(1);
    expect(other.gaps).toEqual(["a row was too large"]);
    expect(numbers(other)).toEqual([2]);
  });

  test("believes nobody who does not have the installation's key", async () => {
    const log = createMemoryLog();
    const one = await start({ log }).subscribe(SERVICE);
    const other = await start({ log }).subscribe(SERVICE);
    const heard: string[] = [];
    await world.bus.subscribe(DEFAULT_TENANT, "data.changes", ({ payload }) => {
      heard.push(payload);
    });
    await world.sql`insert into notes (n, body) values (1, 'a secret of somebody')`;
    await other.heard(1);
    expect(heard.length).toBeGreaterThan(0);
    for (const payload of heard) {
      expect(Buffer.from(payload, "base64").toString()).not.toContain("secret");
    }
    const forged = JSON.stringify({ kind: "piece", from: "x", to: null, changes: [] });
    for (const payload of [forged, "", "x", (heard[0] ?? "").slice(0, -8)]) {
      await world.bus.publish(DEFAULT_TENANT, "data.changes", payload);
    }
    await insert(2, 2);
    await one.heard(2);
    await other.heard(2);
    expect(log.lines.filter(({ event }) => event === "realtime.message_forged")).toHaveLength(8);
  });
});

describe("the slot", () => {
  const slots = () =>
    world.sql<{ active: boolean; confirmed: string }[]>`
      select active, confirmed_flush_lsn::text as confirmed from pg_replication_slots
      where database = current_database()`;

  test("is dropped some time after the last subscriber has left, and made anew for the next", async () => {
    const server = start({ config: { realtime_window_ms: 1_000 } });
    const one = await server.subscribe(SERVICE);
    await insert(1, 1);
    await one.heard(1);
    expect(await slots()).toHaveLength(1);
    one.subscription.close();
    await until("no slot", async () => (await slots()).length === 0);
    const next = await server.subscribe({ ...SERVICE, after: one.changes[0]?.id ?? "" });
    await insert(2, 2);
    await next.heard(1);
    expect(next.gaps).toEqual(["the window has moved on"]);
  });

  test("that was lost is made anew, and everybody is told of a gap", async () => {
    const server = start();
    const one = await server.subscribe(SERVICE);
    await insert(1, 1);
    await one.heard(1);
    // As Postgres does with one that holds back more than it may.
    await world.sql`alter system set max_slot_wal_keep_size = '1MB'`;
    await world.sql`select pg_reload_conf()`;
    const keep = async () => {
      for (let n = 0; n < 3; n++) {
        await world.sql`select pg_switch_wal()`;
        await world.sql`insert into settled values (${Math.floor(Math.random() * 1e9)})`;
      }
      await world.sql`checkpoint`;
      return one.gaps.length > 0;
    };
    await until("the gap", keep, 30_000);
    await world.sql`alter system reset max_slot_wal_keep_size`;
    await world.sql`select pg_reload_conf()`;
    expect(one.gaps[0]).toBe("the feed was interrupted");
    await until("a change", async () => {
      await insert(2, 2);
      return numbers(one).includes(2);
    });
  });

  test("keeps the window, and not more", async () => {
    const server = start({ config: { realtime_window_ms: 1_000 } });
    const one = await server.subscribe(SERVICE);
    const [before] = await slots();
    await insert(1, 1);
    await one.heard(1);
    await until("the confirmation", async () => {
      const [now] = await slots();
      return now?.confirmed !== before?.confirmed;
    });
  });

  test("that nobody reads any more is dropped, and not one that a server holds", async () => {
    const server = start();
    const one = await server.subscribe(SERVICE);
    const clock = createSimClock();
    const janitor = new SlotJanitor({
      ...{ roomOf: () => server.rooms.of(DEFAULT_TENANT), tenants: () => [DEFAULT_TENANT] },
      ...{ leases: world.leases, clock, log: silentLog },
    });
    const sweepLater = async () => {
      await janitor.sweepAll();
      await clock.advance(300_001);
      await janitor.sweepAll();
    };
    await sweepLater();
    expect(await slots()).toHaveLength(1);
    await insert(1, 1);
    await one.heard(1);
    await server.feed.service.stop(5_000);
    await until("nobody reads", async () => (await slots()).every(({ active }) => !active));
    await janitor.sweepAll();
    expect(await slots()).toHaveLength(1);
    await sweepLater();
    expect(await slots()).toHaveLength(0);
  });

  test("in use by a server that has lost its lease is taken over", async () => {
    const server = start();
    const one = await server.subscribe(SERVICE);
    await insert(1, 1);
    await one.heard(1);
    await world.sql`select pg_terminate_backend(active_pid) from pg_replication_slots
      where database = current_database()`;
    await insert(2, 2);
    await one.heard(2);
    expect(numbers(one)).toEqual([1, 2]);
    expect(one.gaps).toEqual([]);
  });
});
