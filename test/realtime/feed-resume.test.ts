/** Resuming, restarts of servers and of the database, and what must not be lost on the way. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { failure } from "../postgres/wire-database.ts";
import { until } from "../support/until.ts";
import { type FeedWorld, type Listener, openFeedWorld } from "./feed-world.ts";

const SERVICE = { role: "service_role", table: "notes" };

let world: FeedWorld;
beforeAll(async () => {
  world = await openFeedWorld(`
    create table notes (id serial primary key, n int);
    alter table notes enable row level security;
    create table other (id serial primary key, n int);
    alter table other enable row level security;
  `);
});
afterAll(() => world.close());

const numbers = ({ changes }: Listener) =>
  changes.map(({ record }) => (JSON.parse(record ?? "{}") as { n: number }).n);
const insert = async (...ns: number[]) => {
  for (const n of ns) await world.sql`insert into notes (n) values (${n})`;
};
/** A table that the schema cache may not know yet. */
const subscribeToNew = (server: ReturnType<FeedWorld["server"]>, table: string) =>
  until("the table", () =>
    server.subscribe({ role: "service_role", table }).catch((error: unknown) => {
      if ((error as { code?: string }).code === "PGRST205") return null;
      throw error;
    }),
  );

describe("a subscriber that comes back", () => {
  test("is told what it missed and nothing twice, then what is new", async () => {
    const server = world.server();
    const first = await server.subscribe(SERVICE);
    await insert(1, 2, 3);
    await first.heard(3);
    first.subscription.close();
    await insert(4, 5);
    const back = await server.subscribe({ ...SERVICE, after: first.changes[1]?.id ?? "" });
    await insert(6);
    await back.heard(4);
    expect(numbers(back)).toEqual([3, 4, 5, 6]);
    expect(back.gaps).toEqual([]);
    await server.stop();
  });

  test("finds the window on another server, also after the first one has gone", async () => {
    const first = world.server();
    const one = await first.subscribe(SERVICE);
    await insert(10, 11, 12);
    await one.heard(3);
    const after = one.changes[0]?.id ?? "";
    const silent = one.subscription.position();
    await first.stop();
    await insert(13);
    const second = world.server();
    const back = await second.subscribe({ ...SERVICE, after });
    const idle = await second.subscribe({ ...SERVICE, after: silent });
    await insert(14);
    await back.heard(4);
    await idle.heard(2);
    expect(numbers(back)).toEqual([11, 12, 13, 14]);
    expect(numbers(idle)).toEqual([13, 14]);
    expect([...back.gaps, ...idle.gaps]).toEqual([]);
    await second.stop();
  });

  test("a fresh subscriber is not told of the past, whatever the server reads again", async () => {
    const server = world.server();
    const fresh = await server.subscribe(SERVICE);
    await insert(20);
    await fresh.heard(1);
    expect(numbers(fresh)).toEqual([20]);
    await server.stop();
  });

  test("from too long ago, or with a position of another feed, is told of a gap", async () => {
    const server = world.server({ config: { realtime_window_ms: 1_000 } });
    const first = await server.subscribe(SERVICE);
    await insert(30, 31);
    await first.heard(2);
    const after = first.changes[0]?.id ?? "";
    // The window ends with time; another subscriber keeps the feed going.
    await until("the end of the window", async () => {
      const back = await server.subscribe({ ...SERVICE, after });
      await until("an answer", () => back.told.length > 0);
      back.subscription.close();
      return back.gaps.length > 0;
    });
    const ids = ["00000000-1-1", "nonsense", "", `${after}0000000000`, "x".repeat(10_000)];
    for (const id of ids) {
      const back = await server.subscribe({ ...SERVICE, after: id });
      expect(back.gaps).toEqual(["the position is not of this feed"]);
      back.subscription.close();
    }
    const ahead = await server.subscribe({
      ...SERVICE,
      after: after.replace(/-.*/, "-ffffffffffff-1"),
    });
    await insert(32);
    await first.heard(3);
    expect(ahead.told).toEqual([]);
    await server.stop();
  });

  test("at its own pace keeps nobody waiting", async () => {
    const server = world.server();
    const first = await server.subscribe(SERVICE);
    const after = first.subscription.position();
    await world.sql`insert into notes (n) select n from generate_series(1, 1000) n`;
    await first.heard(1000);
    const gate = Promise.withResolvers<void>();
    const slow = await server.subscribe({ ...SERVICE, after, ready: () => gate.promise });
    await slow.heard(200);
    const quick = await server.subscribe({ ...SERVICE, after });
    await quick.heard(1000);
    await world.sql`insert into notes (n) values (1001)`;
    await first.heard(1001);
    expect(slow.changes).toHaveLength(200);
    gate.resolve();
    await slow.heard(1001);
    expect(numbers(slow)).toEqual(Array.from({ length: 1001 }, (_, n) => n + 1));
    await server.stop();
  });
});

describe("nothing is lost", () => {
  test("that commits after the subscription stands, whenever it was written", async () => {
    await world.sql`create table late (id int primary key, n int)`;
    await world.sql`alter table late enable row level security`;
    const server = world.server();
    await server.subscribe(SERVICE);
    const written = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    const writing = world.sql.begin(async (tx) => {
      await tx`insert into late values (1, 1)`;
      written.resolve();
      await go.promise;
      await tx`insert into late values (2, 2)`;
    });
    await written.promise;
    let isSubscribed = false;
    const subscribing = subscribeToNew(server, "late").then((listener) => {
      isSubscribed = true;
      return listener;
    });
    await until("the table to be published", async () => {
      const rows = await world.sql`select from pg_publication_tables where tablename = 'late'`;
      return rows.length === 1;
    });
    // Published, but what the open transaction wrote before is not told: nobody may rely on it yet.
    const other = world.server();
    const second = other.subscribe({ role: "service_role", table: "late" });
    // In the time that tables take to which nobody writes.
    for (const name of ["quiet", "calm"]) {
      await world.sql.unsafe(`create table ${name} (id int primary key)`);
      await subscribeToNew(other, name);
    }
    expect(isSubscribed).toBe(false);
    go.resolve();
    await writing;
    const listeners = [await subscribing, await second];
    await world.sql`insert into late values (3, 3)`;
    for (const listener of listeners) {
      await listener.heard(1);
      expect(numbers(listener).at(-1)).toBe(3);
    }
    await other.stop();
    await server.stop();
  });

  test("when a transaction that never ends keeps a table from being followed, that is said", async () => {
    await world.sql`create table stuck (id int primary key)`;
    await world.sql`alter table stuck enable row level security`;
    const server = world.server();
    await server.subscribe(SERVICE);
    const go = Promise.withResolvers<void>();
    const written = Promise.withResolvers<void>();
    const writing = world.sql.begin(async (tx) => {
      await tx`insert into stuck values (1)`;
      written.resolve();
      await go.promise;
    });
    await written.promise;
    const error = await until(
      "the refusal",
      async () => {
        const refused = await failure(server.subscribe({ role: "service_role", table: "stuck" }));
        return refused["code"] === "PGRST205" ? null : refused;
      },
      30_000,
    );
    expect(error).toMatchObject({ code: "realtime_unavailable", status: 503 });
    expect(
      await world.sql`select from pg_publication_tables where tablename = 'stuck'`,
    ).toHaveLength(0);
    go.resolve();
    await writing;
    await server.stop();
  });

  test("that can be read from the log before it is in anybody's sight", async () => {
    const server = world.server();
    const one = await server.subscribe({ ...SERVICE, role: "authenticated", user: "u" });
    await world.sql`create policy everybody on notes for select using (true)`;
    // A commit that waits for a standby is in the log and in no snapshot.
    await world.sql`alter system set synchronous_standby_names = 'nobody'`;
    await world.sql`select pg_reload_conf()`;
    await until("the setting", async () => {
      const [row] = await world.sql`show synchronous_standby_names`;
      return row?.["synchronous_standby_names"] === "nobody";
    });
    const [seen] = await world.sql<
      { id: number }[]
    >`select coalesce(max(id), 0)::int as id from notes`;
    const writing = insert(40);
    await until("the waiting commit", async () => {
      const rows = await world.sql`select from pg_stat_activity where wait_event = 'SyncRep'`;
      return rows.length > 0;
    });
    expect(await world.sql`select from notes where id > ${seen?.id ?? 0}`).toHaveLength(0);
    await world.sql`alter system reset synchronous_standby_names`;
    await world.sql`select pg_reload_conf()`;
    await writing;
    await one.heard(1);
    expect(numbers(one)).toEqual([40]);
    await world.sql`drop policy everybody on notes`;
    await server.stop();
  });

  test("of a transaction larger than the window", async () => {
    const server = world.server({ config: { realtime_window_bytes: 1024 * 1024 } });
    const one = await server.subscribe({ role: "service_role", table: "other" });
    const count = 20_000;
    await world.sql`insert into other (n) select n from generate_series(1, ${count}) n`;
    await one.heard(count);
    expect(numbers(one)).toEqual(Array.from({ length: count }, (_, n) => n + 1));
    expect(one.gaps).toEqual([]);
    await server.stop();
  });
});
