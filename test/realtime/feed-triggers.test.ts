/** Changes without the log: what triggers write down is told with the same promises. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Logger } from "../../src/core/ports/log.ts";
import { failure } from "../postgres/wire-database.ts";
import { silentLog } from "../support/postgres.ts";
import { until } from "../support/until.ts";
import { type FeedWorld, openFeedWorld, type TestFeed } from "./feed-world.ts";

const ALICE = "11111111-1111-4111-8111-111111111111";
const SERVICE = { role: "service_role", table: "plain" } as const;

let world: FeedWorld;
let server: TestFeed;
beforeAll(async () => {
  world = await openFeedWorld(
    `create table plain (id int primary key, n numeric, at timestamptz, tags text[], doc jsonb, b bytea,
       twice int generated always as (id * 2) stored);
     alter table plain enable row level security;
     create table notes (id int primary key, owner uuid, body text);
     alter table notes enable row level security;
     create policy own on notes for all to authenticated using (owner = auth.uid());
     create table whole (id int, name text);
     alter table whole enable row level security;
     alter table whole replica identity full;
     create table parts (id int, kind text, primary key (id, kind)) partition by list (kind);
     create table parts_a partition of parts for values in ('a');
     alter table parts enable row level security;
     create table keyless (id int, name text);
     alter table keyless enable row level security;`,
    { realtime_source: "triggers" },
  );
  server = world.server();
});
afterAll(() => world.close());

test("values come as the log tells them, updates and deletes with their keys", async () => {
  const listener = await server.subscribe(SERVICE);
  await world.sql`set timezone = 'Asia/Tokyo'`;
  await world.sql`insert into plain values
    (1, 12345678901234567890.5, '2026-01-02 03:04:05+00', '{a,"b c"}', '{"k":[1]}', '\\x00ff')`;
  await world.sql`update plain set n = 2 where id = 1`;
  await world.sql`update plain set id = 2 where id = 1`;
  await world.sql`delete from plain where id = 2`;
  const [inserted, updated, moved, deleted] = await listener.heard(4);
  expect(inserted?.record).toBe(
    '{"id":1,"n":12345678901234567890.5,"at":"2026-01-02T03:04:05+00:00","tags":["a","b c"],"doc":{"k": [1]},"b":"\\\\x00ff"}',
  );
  expect([updated?.type, JSON.parse(updated?.record ?? "").n]).toEqual(["UPDATE", 2]);
  expect(moved?.oldRecord).toBe('{"id":1}');
  expect([deleted?.type, deleted?.record, deleted?.oldRecord]).toEqual([
    "DELETE",
    null,
    '{"id":2}',
  ]);
  listener.subscription.close();
});

test("row security decides, what is rolled back is never told, a truncate is a gap", async () => {
  const own = await server.subscribe({ table: "notes", user: ALICE });
  const all = await server.subscribe({ table: "notes", role: "service_role" });
  await world.sql`insert into notes values (1, ${ALICE}, 'mine'), (2, null, 'nobody''s')`;
  await world.sql
    .begin(async (tx) => {
      await tx`insert into notes values (3, ${ALICE}, 'undone')`;
      throw new Error("undo");
    })
    .catch(() => undefined);
  // A caller, who has no right to where it is written down.
  await world.sql.begin(async (tx) => {
    await tx`select set_config('request.jwt.claims', ${JSON.stringify({ sub: ALICE })}, true)`;
    await tx`set local role authenticated`;
    await tx`insert into notes values (4, ${ALICE}, 'last')`;
  });
  await all.heard(3);
  await own.heard(2);
  expect(own.changes.map(({ record }) => JSON.parse(record ?? "").id)).toEqual([1, 4]);
  expect(all.changes.map(({ record }) => JSON.parse(record ?? "").id)).toEqual([1, 2, 4]);
  await world.sql`truncate notes`;
  await until("the gap", () => all.gaps.length === 1);
  expect(all.gaps).toEqual(["the table was truncated"]);
});

test("partitions are told as their root, whole identities with their whole old row", async () => {
  const parts = await server.subscribe({ table: "parts", role: "service_role" });
  const whole = await server.subscribe({ table: "whole", role: "service_role" });
  await world.sql`insert into parts values (1, 'a')`;
  await world.sql`insert into whole values (1, 'x')`;
  await world.sql`update whole set name = 'y'`;
  expect((await parts.heard(1))[0]?.table).toBe("parts");
  expect((await whole.heard(2))[1]?.oldRecord).toBe('{"id":1,"name":"x"}');
});

test("a truncate of one partition is a gap, of a new one too, and of the table one", async () => {
  const parts = await server.subscribe({ table: "parts", role: "service_role" });
  await world.sql`truncate parts_a`;
  await until("the gap", () => parts.gaps.length === 1);
  await world.sql`create table parts_b partition of parts for values in ('b')`;
  await until("the new partition has its trigger", async () => {
    const rows = await world.sql`select from pg_trigger
      where tgrelid = 'parts_b'::regclass and tgname = 'reactor_realtime_truncate'`;
    return rows.length > 0;
  });
  await world.sql`truncate parts_b`;
  await until("the gap", () => parts.gaps.length === 2);
  await world.sql`truncate parts`;
  await world.sql`insert into parts values (2, 'b')`;
  await parts.heard(1);
  expect(parts.gaps).toEqual(Array.from({ length: 3 }, () => "the table was truncated"));
});

test("a table whose updates would fail is refused, as with the log", async () => {
  const refused = await failure(server.subscribe({ table: "keyless", role: "service_role" }));
  expect(refused["code"]).toBe("realtime_identity_missing");
});

test("a table that is written without end is refused with the reason", async () => {
  await world.sql`create table busy (id int primary key)`;
  await world.sql`alter table busy enable row level security`;
  const refusal = async () =>
    await until(
      "the refusal",
      async () => {
        const error = await failure(server.subscribe({ table: "busy", role: "service_role" }));
        return error["code"] === "PGRST205" ? null : error;
      },
      15_000,
    );
  await server.subscribe(SERVICE);
  const done = Promise.withResolvers<void>();
  const written = Promise.withResolvers<void>();
  await world.sql`alter publication supabase_realtime add table busy`;
  const writing = world.sql.begin(async (tx) => {
    await tx`insert into busy values (1)`;
    written.resolve();
    await done.promise;
  });
  await written.promise;
  const error = await refusal();
  expect(error).toMatchObject({ code: "realtime_unavailable", status: 503 });
  expect(error["details"]).toContain("public.busy is being written");
  done.resolve();
  await writing;
  await server.subscribe({ table: "busy", role: "service_role" });
});

test("changes of one row come in the order of their commits, however transactions overlap", async () => {
  const listener = await server.subscribe(SERVICE);
  await world.sql`insert into plain (id, n) values (100, 0)`;
  // Transactions begin and take their ids early, and reach the row in another order.
  const step = async (n: number) =>
    await world.sql.begin(async (tx) => {
      await tx`insert into plain (id, n) values (${1000 + n}, ${n})`;
      await tx`select pg_sleep(${(n % 3) * 0.01})`;
      await tx`update plain set n = n + 1 where id = 100`;
    });
  await Promise.all(Array.from({ length: 60 }, (_, n) => step(n)));
  await listener.heard(1 + 120);
  const counted = listener.changes
    .filter(({ type }) => type === "UPDATE")
    .map(({ record }) => Number(JSON.parse(record ?? "").n));
  expect(counted).toEqual(Array.from({ length: 60 }, (_, n) => n + 1));
  listener.subscription.close();
});

test("another server goes on where the first one ended, with nothing left out", async () => {
  const first = world.server();
  const before = await first.subscribe(SERVICE);
  await world.sql`insert into plain (id, n) values (501, 1)`;
  const [seen] = await before.heard(1);
  await first.stop();
  await world.sql`insert into plain (id, n) values (502, 2)`;
  const second = world.server();
  const after = await second.subscribe({ ...SERVICE, after: seen?.id ?? "" });
  await world.sql`insert into plain (id, n) values (503, 3)`;
  await after.heard(2);
  expect(after.gaps).toEqual([]);
  expect(after.changes.map(({ record }) => JSON.parse(record ?? "").id)).toEqual([502, 503]);
  await second.stop();
});

describe("when nobody has read for the length of the window", () => {
  let alone: FeedWorld;
  beforeAll(async () => {
    alone = await openFeedWorld(
      "create table plain (id int primary key, n int); alter table plain enable row level security;",
      { realtime_source: "triggers" },
    );
    // The table has its triggers.
    const server = alone.server();
    await server.subscribe(SERVICE);
    await server.stop();
  });
  afterAll(() => alone.close());

  const written = async () => (await alone.sql`select from reactor.realtime_changes`).length;
  const isWritten = async () => {
    const [row] = await alone.sql`select last_value > extract(epoch from now()) as yes
      from reactor.realtime_read_until`;
    return row?.["yes"] === true;
  };
  /** As if so much time had passed since a server read. */
  const leave = async () => {
    await alone.sql`select setval('reactor.realtime_read_until', 0)`;
  };

  test("nothing more is written down, and whoever resumes is told of a gap", async () => {
    const first = alone.server();
    const before = await first.subscribe(SERVICE);
    await alone.sql`insert into plain values (1, 1)`;
    const [seen] = await before.heard(1);
    await first.stop();
    expect(await isWritten()).toBe(true);
    const kept = await written();
    await leave();
    await alone.sql`insert into plain select n, n from generate_series(2, 100) n`;
    await alone.sql`truncate plain`;
    expect(await written()).toBe(kept);

    const second = alone.server();
    const after = await second.subscribe({ ...SERVICE, after: seen?.id ?? "" });
    await alone.sql`insert into plain values (101, 1)`;
    await after.heard(1);
    expect(after.told.map((one) => ("gap" in one ? one.gap : one.change.record))).toEqual([
      "the position is not of this feed",
      '{"id":101,"n":1}',
    ]);
    await second.stop();
  });

  test("the feed begins when transactions are over of which something was left out", async () => {
    await leave();
    const left = Promise.withResolvers<void>();
    const done = Promise.withResolvers<void>();
    const writing = alone.sql.begin("isolation level repeatable read", async (tx) => {
      await tx`insert into plain values (200, 1)`;
      left.resolve();
      await done.promise;
    });
    await left.promise;
    const events: string[] = [];
    const info = (event: string) => void events.push(event);
    const log: Logger = { ...silentLog, info, with: () => log };
    const server = alone.server({ log });
    const subscribing = server.subscribe(SERVICE);
    await until("the feed waits", () => events.includes("realtime.writers_awaited"));
    expect(await isWritten()).toBe(true);
    await alone.sql`insert into plain values (201, 1)`;
    expect(await written()).toBe(1);
    expect(Bun.peek.status(subscribing)).toBe("pending");
    done.resolve();
    await writing;
    const listener = await subscribing;
    await alone.sql`insert into plain values (202, 1)`;
    await until("the last one", () => listener.short.includes('INSERT {"id":202,"n":1}'));
    expect(listener.gaps).toEqual([]);
    await server.stop();
  });

  test("a snapshot of before does not hide that somebody reads", async () => {
    await leave();
    const begun = Promise.withResolvers<void>();
    const read = Promise.withResolvers<void>();
    const writing = alone.sql.begin("isolation level repeatable read", async (tx) => {
      await tx`select from plain`;
      begun.resolve();
      await read.promise;
      await tx`insert into plain values (300, 1)`;
    });
    await begun.promise;
    const server = alone.server();
    const listener = await server.subscribe(SERVICE);
    read.resolve();
    await writing;
    expect((await listener.heard(1)).map(({ record }) => record)).toEqual(['{"id":300,"n":1}']);
    await server.stop();
  });
});

test("callers have no way to what was written down", async () => {
  const [row] = await world.sql`select
    has_table_privilege('authenticated', 'reactor.realtime_changes', 'select') as reads,
    has_function_privilege('authenticated', 'reactor.write_change()', 'execute') as runs`;
  expect(row).toEqual({ reads: false, runs: false });
});
