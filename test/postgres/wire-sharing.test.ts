/** Reads that share a transaction: what they save, and that nobody notices. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { UserQuery } from "../../src/core/ports/database.ts";
import type { ManagedUserPool } from "../../src/postgres/wire/user-pool.ts";
import { systemClock } from "../../src/shared/clock.ts";
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
  ] as const)("not those that %s", async (_, rest) => {
    const pool = onePool();
    await transactions(pool, 1, rest);
    expect(await transactions(pool, 4, rest)).toBe(4);
  });

  test("with callers of the same role alone", async () => {
    const pool = onePool();
    const roles = ["anon", "authenticated", "anon", "authenticated"];
    for (const role of roles) await transactions(pool, 1, { ...shared, role });
    const look = `${STARTED} || current_user`;
    const ask = () => Promise.all(roles.map((role) => one(pool, look, { ...shared, role })));
    await ask();
    const seen = await ask();
    expect(new Set(seen.map((text) => text?.slice(0, -6))).size).toBeGreaterThan(1);
    expect(seen.map((text) => text?.endsWith("anon"))).toEqual([true, false, true, false]);
  });

  test("with settings of a role only where all are the same", async () => {
    const pool = onePool();
    const rest = (value: string, role: string): Partial<UserQuery> => ({
      ...shared,
      settings: [["app.a", value]],
      roleSettings: [["app.of_role", role]],
    });
    const look = `select concat_ws('|', now(), current_setting('app.a'), current_setting('app.of_role'))`;
    const run = (...all: (readonly [string, string])[]) =>
      Promise.all(all.map(([value, role]) => one(pool, look, rest(value, role))));
    await run(["1", "x"]);
    const [first, same, other] = await run(["1", "x"], ["1", "x"], ["2", "x"]);
    expect(same).toBe(first ?? "");
    expect(other?.split("|").slice(1)).toEqual(["2", "x"]);
    expect(other?.split("|")[0]).not.toBe(first?.split("|")[0]);
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
    const look = "select now()::text || 1 / $1::int";
    const run = (n: string) => one(pool, look, { ...shared, params: [n] });
    await run("1");
    const outcomes = await Promise.allSettled(["1", "1", "0", "1", "1"].map(run));
    expect(outcomes.map(({ status }) => status)).toEqual([
      "fulfilled",
      "fulfilled",
      "rejected",
      "fulfilled",
      "fulfilled",
    ]);
    const started = outcomes.map((outcome) => outcome.status === "fulfilled" && outcome.value);
    expect(started[1]).toBe(started[0] ?? "");
    expect(new Set(started).size).toBe(4);
    // The kind has failed others: for a while it shares nothing.
    expect(new Set(await Promise.all(["1", "1"].map(run))).size).toBe(2);
    for (let at = 0; at < 64; at += 1) await run("1");
    expect(new Set(await Promise.all(["1", "1"].map(run))).size).toBe(1);
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

  test("that the connection was lost", async () => {
    const pool = onePool();
    await database.sql`create function door() returns text language sql as 'select ''open'''`;
    const look = () => one(pool, "select door()", shared);
    await look();
    const session = await database.sql.reserve();
    await session`select pg_advisory_lock(21)`;
    await session`create or replace function door() returns text language sql as
      'select pg_advisory_xact_lock_shared(21)::text || ''shut'''`;
    const looking = Promise.all([one(pool, STARTED, shared), look(), look()]);
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
    expect((await looking).slice(1)).toEqual(["shut", "shut"]);
  });

  test("for long that one of them was slow: each is asked alone, and the quick ones share again", async () => {
    const pool = onePool();
    await database.sql`create function gate() returns text language sql as 'select ''open'''`;
    const look = () => one(pool, "select gate()", shared);
    await look();
    await transactions(pool, 1);
    const session = await database.sql.reserve();
    await session`select pg_advisory_lock(22)`;
    await session`create or replace function gate() returns text language sql as
      'select pg_advisory_xact_lock_shared(22)::text || ''shut'''`;
    const looking = Promise.all([one(pool, STARTED, shared), look()]);
    await until("the read waits", async () => {
      const [row] = await database.sql`
        select 1 from pg_locks where locktype = 'advisory' and objid = 22 and not granted`;
      return row;
    });
    nowMs += 5;
    await session`select pg_advisory_unlock(22)`;
    session.release();
    await looking;
    // Not known to be quick any more, so one has to show it; from then on as before.
    expect(await transactions(pool, 3)).toBe(2);
    expect(await transactions(pool, 3)).toBe(1);
  });
});
