/** Reads that share a transaction: what they save, and that nobody notices. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { UserQuery, UserResult } from "../../src/core/ports/database.ts";
import { parseDatabaseUrl } from "../../src/postgres/url.ts";
import { Connection, type ConnectionEvents } from "../../src/postgres/wire/connection.ts";
import { Job } from "../../src/postgres/wire/job.ts";
import { openSession } from "../../src/postgres/wire/session.ts";
import { StatementKinds } from "../../src/postgres/wire/statement-kinds.ts";
import type { ManagedUserPool } from "../../src/postgres/wire/user-pool.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { systemRng } from "../../src/shared/rng.ts";
import { silentLog } from "../support/postgres.ts";
import { createSeededRng } from "../support/seeded-rng.ts";
import { until } from "../support/until.ts";
import { ask, failure, one, openWireDatabase, texts, type WireDatabase } from "./wire-database.ts";

const USERS = Array.from(
  { length: 5 },
  (_, at) => `0190aaaa-0000-7000-8000-0000000000${String(at + 10)}`,
);
/** Of the transaction, to the microsecond. */
const STARTED = "select now()::text";

let database: WireDatabase;
beforeAll(async () => {
  database = await openWireDatabase(`
    create table notes (owner uuid, n int);
    alter table notes enable row level security;
    create policy own on notes to authenticated using (owner = (select auth.uid()));
    grant select on notes to authenticated;
    insert into notes select ('0190aaaa-0000-7000-8000-0000000000' || (u + 10))::uuid, i
      from generate_series(0, 4) u, generate_series(1, 3) i;
  `);
});
afterAll(() => database.close());

let nowMs = 0;
/** By it nothing takes any time, so that every kind seen once is quick. */
const still = { ...systemClock, monotonic: () => nowMs };
const onePool = () => database.pool({ limits: { size: 1 }, clock: still });

const shared: Partial<UserQuery> = { readOnly: true, sharesTransaction: true };
const asUser = (sub: string): Partial<UserQuery> => ({
  ...shared,
  role: "authenticated",
  settings: [["request.jwt.claims", JSON.stringify({ sub, role: "authenticated" })]],
});

function abortable(): { readonly signal: AbortSignal; readonly abort: () => void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort(new Error("left")) };
}

/** Transactions in which `count` queries at once were carried out. */
async function transactions(
  pool: ManagedUserPool,
  count: number,
  rest: Partial<UserQuery> = shared,
): Promise<number> {
  const asked = Array.from({ length: count }, () => one(pool, STARTED, rest));
  return new Set(await Promise.all(asked)).size;
}

describe("quick reads share a transaction", () => {
  test("once they are known to be quick, up to four of them", async () => {
    const pool = onePool();
    expect(await transactions(pool, 1)).toBe(1);
    expect(await transactions(pool, 4)).toBe(1);
    expect(await transactions(pool, 12)).toBe(3);
  });

  test.each([
    ["say nothing of it", { readOnly: true }],
    ["may write", { sharesTransaction: true }],
    ["end in a rollback", { ...shared, rollback: true }],
    ["are isolated", { ...shared, isolation: "serializable" }],
    ["have something run before", { ...shared, before: ["select 1"] }],
    ["have something run after", { ...shared, after: { sql: "select 1", params: [] } }],
    ["have settings of their role", { ...shared, roleSettings: [["app.a", "1"]] }],
  ] as const)("not those that %s", async (_, rest) => {
    const pool = onePool();
    await transactions(pool, 1, rest);
    expect(await transactions(pool, 4, rest)).toBe(4);
  });

  test.each([
    ["of another role", {}, { role: "anon" }],
    ["of another statement", { sql: `${STARTED} as other` }, {}],
    ["with other settings", { settings: [["app.a", "1"]] }, {}],
  ] as const)("not with one %s", async (_, first, second) => {
    const pool = onePool();
    const run = (rest: Partial<UserQuery>) => pool.query({ ...ask(STARTED, shared), ...rest });
    await Promise.all([run(first), run(second)]);
    const [one, other] = await Promise.all([run(first), run(second)]);
    expect(texts(one as UserResult)).not.toEqual(texts(other as UserResult));
  });

  test("each with all of its own settings, whoever came before", async () => {
    const pool = onePool();
    const look = `select concat_ws('|', now(), current_setting('app.a'), current_setting('search_path'),
      current_setting('statement_timeout'), current_setting('transaction_read_only'))`;
    const callers = [
      ["1", "public", 1_000],
      ["1", "public", 2_000],
      ["2", "public", 2_000],
      ["2", "pg_catalog", 2_000],
    ] as const;
    const run = () =>
      Promise.all(
        callers.map(([value, path, timeoutMs]) => {
          const settings = [
            ["search_path", path],
            ["app.a", value],
          ] as const;
          return one(pool, look, { ...shared, settings, timeoutMs });
        }),
      );
    await run();
    const seen = (await run()).map((text) => text?.split("|") ?? []);
    expect(seen.map(([, ...rest]) => rest.join())).toEqual([
      "1,public,1s,on",
      "1,public,2s,on",
      "2,public,2s,on",
      "2,pg_catalog,2s,on",
    ]);
    expect(new Set(seen.map(([started]) => started)).size).toBe(1);
    // Made once more they are another statement, or each would be planned anew for the path.
    const prepared =
      "select count(*) from pg_prepared_statements where statement ~ ('num_null' || 's.*app.a')";
    expect(await one(pool, prepared)).toBe("2");
  });

  test("and none inherits a setting that only the one before it has", async () => {
    const pool = onePool();
    const look = "select current_setting('timezone')";
    const inBerlin: Partial<UserQuery> = { ...shared, settings: [["timezone", "Europe/Berlin"]] };
    const ours = await one(pool, look, shared);
    const seen = [one(pool, look, inBerlin), one(pool, look, shared), one(pool, look, inBerlin)];
    expect(await Promise.all(seen)).toEqual(["Europe/Berlin", ours, "Europe/Berlin"]);
  });

  test("none writes", async () => {
    const pool = onePool();
    await database.sql`create table written (n int)`;
    await database.sql`grant insert on written to service_role`;
    const insert = "insert into written select 1 where $1::int > 0";
    const run = (n: string) => pool.query(ask(insert, { ...shared, params: [n] }));
    expect(await failure(run("1"))).toMatchObject({ code: "25006" });
    const both = await Promise.allSettled([one(pool, STARTED, shared), run("1")]);
    expect(both.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
    expect(await one(pool, "select count(*) from written")).toBe("0");
  });
});

describe("nobody notices", () => {
  const divide = "select owner, n / $1::int, now()::text from notes";

  test("whose rows the others see, and who fails, in 2,000 reads", async () => {
    const pool = database.pool({ limits: { size: 2 }, clock: still });
    const rng = createSeededRng(7);
    const wrong: unknown[] = [];
    const started = new Set<string | null | undefined>();
    const read = async () => {
      const user = rng.pick(USERS);
      const fails = rng.below(200) === 0;
      const query = ask(divide, { ...asUser(user), params: [fails ? "0" : "1"] });
      const outcome = await pool.query(query).catch((error: { code: string }) => error.code);
      if (typeof outcome === "string") {
        if (!fails || outcome !== "22012") wrong.push([fails, outcome]);
      } else if (fails || texts(outcome).length !== 3) wrong.push([fails, texts(outcome)]);
      else
        for (const row of texts(outcome)) {
          if (row[0] !== user) wrong.push([user, row]);
          started.add(row[2]);
        }
    };
    for (let round = 0; round < 20; round += 1) {
      await Promise.all(Array.from({ length: 100 }, read));
    }
    expect(wrong).toEqual([]);
    expect(started.size).toBeLessThan(1_500);
  });

  test("what is behind a failure runs again, alone, and then with others once more", async () => {
    const pool = onePool();
    const look = "select to_char(now(), 'SS.US') || 1 / $1::int";
    const run = (n: string) => one(pool, look, { ...shared, params: [n] });
    await run("1");
    const outcomes = await Promise.allSettled(["1", "0", "1", "1"].map(run));
    const started = outcomes.map((outcome) => outcome.status === "fulfilled" && outcome.value);
    expect(started.map((text) => text !== false)).toEqual([true, false, true, true]);
    expect(new Set(started).size).toBe(4);
    expect(String(started[2]) < String(started[3])).toBe(true);
    // The kind has failed others: for a while it shares nothing.
    expect(new Set(await Promise.all(["1", "1"].map(run))).size).toBe(2);
    for (let at = 0; at < 64; at += 1) await run("1");
    expect(new Set(await Promise.all(["1", "1"].map(run))).size).toBe(1);
  });

  test("that one was aborted that the server has not come to", async () => {
    const pool = onePool();
    const sleep = "select pg_sleep($1::float)::text";
    const run = (seconds: string, signal?: AbortSignal) =>
      pool.query(ask(sleep, { ...shared, params: [seconds], ...(signal ? { signal } : {}) }));
    await run("0");
    const { signal, abort } = abortable();
    const before = run("0.2");
    const aborted = failure(run("60", signal));
    await new Promise(setImmediate);
    abort();
    expect(await aborted).toMatchObject({ message: "left" });
    expect((await before).tag).toBe("SELECT 1");
  });

  test("afterwards that a cancel hit a read: it was no fault of the statement", async () => {
    const pool = onePool();
    const sleep = "select now()::text || pg_sleep($1::float)::text";
    const run = (seconds: string, rest: Partial<UserQuery> = {}) =>
      one(pool, sleep, { ...shared, params: [seconds], ...rest });
    await run("0");
    const { signal, abort } = abortable();
    const hit = run("0.2");
    const aborted = failure(run("60", { signal }));
    await new Promise(setImmediate);
    abort();
    await Promise.all([hit, aborted]);
    expect(new Set(await Promise.all([run("0"), run("0")])).size).toBe(1);
  });

  test("nor does one that was aborted run behind a failure", async () => {
    const pool = onePool();
    const sleep = "select 1 / (length(pg_sleep($2::float)::text) + $1::int)";
    const run = (divisor: string, seconds: string, rest: Partial<UserQuery> = {}) =>
      pool.query(ask(sleep, { ...shared, params: [divisor, seconds], ...rest }));
    await run("1", "0");
    const { signal, abort } = abortable();
    const failing = failure(run("0", "0.2"));
    const aborted = failure(run("1", "60", { signal }));
    await new Promise(setImmediate);
    abort();
    expect(await aborted).toMatchObject({ message: "left" });
    expect(await failing).toMatchObject({ code: "22012" });
  });

  test("in prepared statements that stay behind a failure", async () => {
    const pool = database.pool({ limits: { size: 1, statementCacheSize: 10 }, clock: still });
    const run = (at: number, n: string) =>
      one(pool, `select ${at} / $1::int`, { ...shared, params: [n] });
    for (let at = 0; at < 40; at += 1) await run(at, "1");
    for (let at = 0; at < 40; at += 1) {
      await Promise.allSettled([run(at, "0"), run(at, "1"), run(at, "1")]);
    }
    expect(Number(await one(pool, "select count(*) from pg_prepared_statements"))).toBeLessThan(14);
  });

  test("that a neighbour was cancelled, in 100 tries", async () => {
    const pool = onePool();
    const statement = "select sum(i)::text from generate_series(1, 20000) i";
    await one(pool, statement, shared);
    for (let round = 0; round < 100; round += 1) {
      const controller = new AbortController();
      const reason = new Error("left");
      const query = ask(statement, { ...shared, signal: controller.signal });
      const before = one(pool, statement, shared);
      const aborted = pool.query(query).catch((error: unknown) => error);
      const behind = [one(pool, statement, shared), one(pool, statement, shared)];
      if (round % 2 === 0) await new Promise(setImmediate);
      controller.abort(reason);
      const outcome = await aborted;
      if (outcome !== reason) expect(outcome).toMatchObject({ tag: "SELECT 1" });
      const sum = "200010000";
      expect(await Promise.all([before, ...behind])).toEqual([sum, sum, sum]);
    }
  });

  test("that the shape of a table changed", async () => {
    const pool = onePool();
    await database.sql`create table shape (a int)`;
    await database.sql`insert into shape values (1)`;
    const look = () => pool.query(ask("select * from shape", shared));
    await look();
    await database.sql`alter table shape add b text default 'b'`;
    const changed = await Promise.all([look(), look(), look()]);
    for (const result of changed) {
      expect(result.columns).toEqual(["a", "b"]);
      expect(texts(result)).toEqual([["1", "b"]]);
    }
  });

  test("that one was in a migration's way because of another's locks", async () => {
    const pool = onePool();
    await database.sql.unsafe(`
      create table part (id int, v text) partition by list (id);
      create table part_1 partition of part for values in (1);
      create table part_2 partition of part for values in (2);
      insert into part values (1, 'a'), (2, 'b');
      grant select on part to service_role`);
    const read = (id: string) =>
      one(pool, "select v from part where id = $1::int", { ...shared, params: [id] });
    await read("1");
    const migration = await database.sql.reserve();
    await migration`begin`;
    await migration`lock table part_2 in access exclusive mode`;
    const reading = Promise.all([read("1"), read("2"), read("1")]);
    await until("the read waits", async () => {
      const [row] = await database.sql`
        select 1 from pg_locks where relation = 'part_2'::regclass and not granted`;
      return row;
    });
    // Who has waited longest looks for the deadlock, and is its victim.
    await migration`lock table part_1 in access exclusive mode`;
    await migration`commit`;
    migration.release();
    expect(await reading).toEqual(["a", "b", "a"]);
  });

  test("that the connection was lost", async () => {
    const pool = onePool();
    await database.sql`create function door() returns text language sql as 'select ''open'''`;
    const look = () => one(pool, "select door()", shared);
    await look();
    const session = await database.sql.reserve();
    await session`select pg_advisory_lock(21)`;
    await session`create or replace function door() returns text language sql as
      'select pg_advisory_xact_lock_shared(21)::text || ''shut'''`;
    const looking = Promise.all([look(), look()]);
    const waits = () =>
      until("the read waits", async () => {
        const [row] = await database.sql<{ pid: number }[]>`
          select pid from pg_locks where locktype = 'advisory' and objid = 21 and not granted`;
        return row;
      });
    const { pid } = await waits();
    await database.sql`select pg_terminate_backend(${pid})`;
    await waits();
    await session`select pg_advisory_unlock(21)`;
    session.release();
    expect(await looking).toEqual(["shut", "shut"]);
  });

  test("for long that one of them was slow: one has to show it alone, and they share again", async () => {
    const pool = onePool();
    await database.sql`create function gate() returns text language sql as 'select now()::text'`;
    const looks = async (count: number) => {
      const asked = Array.from({ length: count }, () => one(pool, "select gate()", shared));
      return new Set(await Promise.all(asked)).size;
    };
    await looks(1);
    const session = await database.sql.reserve();
    await session`select pg_advisory_lock(22)`;
    await session`create or replace function gate() returns text language sql as
      'select now()::text || pg_advisory_xact_lock_shared(22)::text'`;
    const looking = looks(2);
    await until("the read waits", async () => {
      const [row] = await database.sql`
        select 1 from pg_locks where locktype = 'advisory' and objid = 22 and not granted`;
      return row;
    });
    nowMs += 5;
    await session`select pg_advisory_unlock(22)`;
    session.release();
    expect(await looking).toBe(1);
    expect(await looks(3)).toBe(2);
    expect(await looks(3)).toBe(1);
  });
});

/** One connection of its own, told of what becomes of it. */
async function connectionOf(
  kinds: StatementKinds,
  onLost: ConnectionEvents["onLost"] = () => undefined,
): Promise<Connection> {
  const address = parseDatabaseUrl(database.userUrl);
  const session = await openSession({ address, clock: systemClock, rng: systemRng });
  const options = { address, statementCacheSize: 256, clock: systemClock, log: silentLog, kinds };
  const events = { onFree: () => undefined, onRetry: () => undefined, onLost };
  return new Connection(session, options, events);
}

test("what was sent just before its connection was lost gets its own answer elsewhere, as all others there", async () => {
  const kinds = new StatementKinds();
  const sql = "select $1::text || current_setting('app.u')";
  kinds.query("service_role", sql).note(0.1);
  const answers: Record<string, unknown> = {};
  const job = (name: string) => {
    const settings = [["app.u", name]] as const;
    const query = ask(sql, { ...shared, params: [name], settings });
    const kind = kinds.query("service_role", sql);
    const answered = Promise.withResolvers<void>();
    const keep = (answer: unknown) => {
      answers[name] = answer;
      answered.resolve();
    };
    const timing = { timeoutMs: 5_000, enqueuedAtMs: 0 };
    const made = new Job(query, kind, timing, (result) => keep(texts(result)[0]?.[0]), keep);
    return { made, answered: answered.promise };
  };
  const other = await connectionOf(kinds);
  const behind = job("b");
  const lost = await connectionOf(kinds, (_, jobs) => {
    for (const one of jobs) {
      one.reset();
      other.send(one);
    }
    if (jobs.length > 0) other.send(behind.made);
  });
  const sent = job("a");
  lost.send(sent.made);
  // Before what is left for the end of the turn.
  lost.onClose(new Error("it was lost"));
  await Promise.all([sent.answered, behind.answered]);
  for (const name of ["c", "d"]) {
    const later = job(name);
    other.send(later.made);
    await later.answered;
  }
  expect(answers).toMatchObject({ a: "aa", b: "bb", c: "cc", d: "dd" });
  expect(other.load).toBe(0);
  other.terminate();
  lost.destroy(null);
});
