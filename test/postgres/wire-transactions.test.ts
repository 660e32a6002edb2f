import { afterAll, describe, expect, test } from "bun:test";
import type { UserQuery } from "../../src/core/ports/database.ts";
import type { Logger } from "../../src/core/ports/log.ts";
import { createSeededRng } from "../support/seeded-rng.ts";
import { until } from "../support/until.ts";
import { ask, failure, one, openWireDatabase, texts } from "./wire-database.ts";

const database = await openWireDatabase(`
  create table entries (body text);
  create table parents (id int primary key);
  create table children (parent int references parents deferrable initially deferred);
  grant all on entries, parents, children to anon, service_role;
  create function note(body text) returns void language sql as 'insert into entries values (body)';
  create function refuse() returns void language plpgsql as
    $$ begin raise sqlstate 'PGRST' using message = 'not you'; end $$;
  create function sleep_at_commit() returns trigger language plpgsql as
    $$ begin perform pg_sleep(60); return null; end $$;
  create table slow_ends (body text);
  grant all on slow_ends to service_role;
  create constraint trigger slow after insert on slow_ends deferrable initially deferred
    for each row execute function sleep_at_commit();
`);
afterAll(() => database.close());

const INSERT = "insert into entries values ($1) returning body";
const ORPHAN = "insert into children values (404)";
const LOOK =
  "select current_setting('transaction_isolation') || '|' || current_user || '|' || current_setting('transaction_read_only') || '|' || coalesce(current_setting('request.path', true), '')";

/** As the owner sees it: what was committed. */
async function committed(body: string): Promise<number> {
  return (await database.sql`select 1 from entries where body = ${body}`).length;
}

describe.each([
  ["prepared", true],
  ["unnamed, as behind a transaction pooler", false],
])("statements: %s", (_, prepared) => {
  const open = (limits = {}) => database.pool({ prepared, limits: { size: 1, ...limits } });

  test("the isolation is the one asked for, with role, settings and read-only, and ends with the query", async () => {
    const pool = open();
    const rest = {
      role: "anon",
      settings: [["request.path", "/p"]] as const,
      readOnly: true,
    };
    for (const isolation of ["serializable", "repeatable read", "read committed"] as const) {
      expect(await one(pool, LOOK, { ...rest, isolation })).toBe(`${isolation}|anon|on|/p`);
      expect(await one(pool, LOOK)).toBe("read committed|service_role|off|");
    }
  });

  test("a serializable query that succeeds is committed", async () => {
    const body = `serializable ${prepared}`;
    const result = await open().query(ask(INSERT, { params: [body], isolation: "serializable" }));
    expect(texts(result)).toEqual([[body]]);
    expect(result.tag).toBe("INSERT 0 1");
    expect(await committed(body)).toBe(1);
  });

  test("a rolled back query answers its rows and leaves nothing", async () => {
    const body = `rolled back ${prepared}`;
    const pool = open();
    for (const isolation of [undefined, "serializable"] as const) {
      const query = ask(INSERT, {
        params: [body],
        rollback: true,
        ...(isolation && { isolation }),
      });
      const result = await pool.query(query);
      expect(result).toMatchObject({ tag: "INSERT 0 1", columns: ["body"] });
      expect(texts(result)).toEqual([[body]]);
    }
    expect(await committed(body)).toBe(0);
  });

  test("what runs before has role and settings, and is part of the transaction", async () => {
    const body = `before ${prepared}`;
    const pool = open();
    const before = [
      `select set_config('request.path', current_user || current_setting('request.path'), true)`,
      `select note('${body}')`,
    ];
    const rest = { role: "anon", settings: [["request.path", "/p"]] as const, before };
    for (const more of [{}, { isolation: "serializable" as const }]) {
      expect(await one(pool, LOOK, { ...rest, ...more })).toEndWith("|anon|off|anon/p");
    }
    expect(await committed(body)).toBe(2);
    expect(await failure(pool.query(ask("select 1/0", rest)))).toMatchObject({ code: "22012" });
    expect(await one(pool, LOOK, { ...rest, rollback: true })).toEndWith("|anon|off|anon/p");
    expect(await committed(body)).toBe(2);
    expect(await one(pool, LOOK)).toBe("read committed|service_role|off|");
  });

  test("when it fails its error is the query's, and the statement does not run", async () => {
    const body = `refused ${prepared}`;
    const pool = open();
    for (const more of [{}, { isolation: "serializable" as const }, { rollback: true }]) {
      const before = [`select note('${body}')`, "select refuse()"];
      const query = ask(INSERT, { params: [body], before, ...more });
      expect(await failure(pool.query(query))).toMatchObject({
        code: "PGRST",
        message: "not you",
      });
      const wrong = ask(INSERT, { params: [body], before: ["select nope"], ...more });
      expect(await failure(pool.query(wrong))).toMatchObject({ code: "42703" });
      expect(await one(pool, LOOK)).toBe("read committed|service_role|off|");
    }
    expect(await committed(body)).toBe(0);
  });

  test("what runs after it sees what it did, and undoes it when it fails", async () => {
    const body = `after ${prepared}`;
    const pool = open();
    const count = { sql: `select count(*) from entries where body = $1`, params: [body] };
    for (const more of [{}, { isolation: "serializable" as const }]) {
      const query = ask(INSERT, { params: [body], before: ["select 1"], after: count, ...more });
      const result = await pool.query(query);
      expect([texts(result), texts({ ...result, rows: result.after })]).toEqual([
        [[body]],
        [["1"]],
      ]);
      const wrong = ask(INSERT, { params: [body], after: { sql: "select 1/0", params: [] } });
      expect(await failure(pool.query({ ...wrong, ...more }))).toMatchObject({ code: "22012" });
      expect(await committed(body)).toBe(1);
      await database.sql`delete from entries where body = ${body}`;
    }
    expect((await pool.query(ask("select 1"))).after).toEqual([]);
  });

  test("a deferred constraint that fails with COMMIT is the query's error", async () => {
    const pool = open();
    const rests: Partial<UserQuery>[] = [
      {},
      { isolation: "serializable" },
      { isolation: "repeatable read" },
      { rollback: true },
      { before: ["select 1"] },
    ];
    for (const rest of rests) {
      expect(await failure(pool.query(ask(ORPHAN, rest)))).toMatchObject({
        code: "23503",
        table: "children",
      });
      expect(await one(pool, LOOK)).toBe("read committed|service_role|off|");
    }
    expect(await database.sql`select 1 from children`).toHaveLength(0);
  });

  test("nothing that is read-only writes, before or after", async () => {
    const pool = open();
    for (const more of [{}, { isolation: "serializable" as const }, { rollback: true }]) {
      const query = { readOnly: true, ...more };
      const before = [`select note('x')`];
      expect(await failure(pool.query(ask("select 1", { ...query, before })))).toMatchObject({
        code: "25006",
      });
      expect(await failure(pool.query(ask(ORPHAN, query)))).toMatchObject({ code: "25006" });
    }
  });

  test("64 at a time, of every kind and outcome, leave no connection in a block", async () => {
    const pool = open({ size: 2, depth: 16 });
    const rng = createSeededRng(7);
    const kept: string[] = [];
    const wrong: string[] = [];
    const run = async (body: string) => {
      const isolation = rng.pick(["read committed", "repeatable read", "serializable"] as const);
      const rollback = rng.below(3) === 0;
      const fault = rng.pick(["none", "none", "none", "before", "main", "commit"] as const);
      const before =
        fault === "before" ? ["select refuse()"] : rng.below(2) ? ["select 1", "select 2"] : [];
      const sql = {
        none: INSERT,
        before: INSERT,
        main: "insert into entries select $1 || (1 / 0)",
        commit: `with orphan as (${ORPHAN}) ${INSERT}`,
      }[fault];
      const outcome = await pool
        .query(ask(sql, { params: [body], isolation, rollback, before }))
        .then(texts, (error: { code: string }) => error.code);
      const code = { none: "", before: "PGRST", main: "22012", commit: "23503" }[fault];
      // Two that are serializable may get into each other's way; that is an answer, too.
      const isClash = outcome === "40001" && isolation !== "read committed";
      const isRight = fault === "none" ? Array.isArray(outcome) : outcome === code;
      if (!isRight && !isClash) wrong.push(`${fault} ${isolation}: ${JSON.stringify(outcome)}`);
      if (Array.isArray(outcome) && !rollback) kept.push(body);
      const look = await one(pool, LOOK, { role: "anon" });
      if (look !== "read committed|anon|off|") wrong.push(String(look));
    };
    const prefix = `mixed ${prepared} `;
    const lane = async (at: number) => {
      for (let turn = 0; turn < 8; turn += 1) await run(`${prefix}${at} ${turn}`);
    };
    await Promise.all(Array.from({ length: 64 }, (_each, at) => lane(at)));
    expect(wrong).toEqual([]);
    const rows = await database.sql`select body from entries where starts_with(body, ${prefix})`;
    expect(rows.map(({ body }) => body as string).sort()).toEqual(kept.sort());
    expect(pool.stats().connections).toBe(2);
  });

  test("the timeout holds for what runs before and for the statement in a block", async () => {
    const pool = open();
    const isolation = "serializable";
    const queries = [
      ask("select 1", { before: ["select pg_sleep(60)"], timeoutMs: 50 }),
      ask("select 1", { before: ["select pg_sleep(60)"], isolation, timeoutMs: 50 }),
      ask("select pg_sleep(60)", { isolation, timeoutMs: 50 }),
      ask("select pg_sleep(60)", { rollback: true, timeoutMs: 50 }),
    ];
    for (const query of queries) {
      expect(await failure(pool.query(query))).toMatchObject({ code: "57014" });
      expect(await one(pool, LOOK)).toBe("read committed|service_role|off|");
    }
  });

  test("the timeout holds for what COMMIT runs", async () => {
    const pool = open();
    for (const more of [{}, { isolation: "serializable" as const }]) {
      const query = ask("insert into slow_ends values ('x')", { ...more, timeoutMs: 50 });
      expect(await failure(pool.query(query))).toMatchObject({ code: "57014" });
      expect(await one(pool, LOOK)).toBe("read committed|service_role|off|");
    }
    expect(await database.sql`select 1 from slow_ends`).toHaveLength(0);
  });

  test("an abort cancels in every part of a block", async () => {
    const pool = open();
    const slow = `pg_sleep(60)`;
    const queries: [sql: string, rest: Partial<UserQuery>][] = [
      ["select 1", { before: [`select ${slow}`] }],
      [`select ${slow}`, { isolation: "repeatable read" }],
      ["insert into slow_ends values ('y')", { isolation: "serializable" }],
    ];
    for (const [sql, rest] of queries) {
      const controller = new AbortController();
      const outcome = failure(pool.query(ask(sql, { ...rest, signal: controller.signal })));
      await until("it sleeps", async () => {
        const [row] = await database.sql`
          select 1 from pg_stat_activity
           where datname = current_database() and wait_event = 'PgSleep'`;
        return row;
      });
      controller.abort(new Error("left"));
      expect(await outcome).toMatchObject({ message: "left" });
      expect(await one(pool, LOOK)).toBe("read committed|service_role|off|");
    }
  });
});

test("a statement that ends its block is an error, and its connection is clean", async () => {
  const pool = database.pool({ limits: { size: 1 } });
  for (const sql of ["commit", "rollback"]) {
    const query = ask(sql, { isolation: "serializable" });
    expect(await failure(pool.query(query))).toMatchObject({ code: "transaction_ended_early" });
    expect(await one(pool, LOOK)).toBe("read committed|service_role|off|");
  }
});

test("an isolation level that is none is refused before anything is sent", async () => {
  const pool = database.pool({ limits: { size: 1 } });
  const isolation = "serializable; drop table entries" as "serializable";
  expect(await failure(pool.query(ask("select 1", { isolation })))).toMatchObject({
    code: "query_invalid",
  });
  expect(await one(pool, "select to_regclass('entries') is not null")).toBe("t");
});

test("a block whose plan went stale runs again as a whole, once", async () => {
  const pool = database.pool({ limits: { size: 1 } });
  await database.sql`create table shape (a int)`;
  await database.sql`insert into shape values (1)`;
  const query = ask("select * from shape", {
    isolation: "repeatable read",
    before: ["select note('stale')"],
  });
  expect((await pool.query(query)).columns).toEqual(["a"]);
  await database.sql`alter table shape add b text default 'b'`;
  expect(texts(await pool.query(query))).toEqual([["1", "b"]]);
  await pool.query(ask("deallocate all"));
  expect(texts(await pool.query(query))).toEqual([["1", "b"]]);
  expect(await committed("stale")).toBe(3);
});

test("what the server logs about a block is nothing", async () => {
  const notices: unknown[] = [];
  const heard = (_event: string, fields?: unknown) => void notices.push(fields);
  const log: Logger = { debug: heard, info: heard, warn: heard, error: heard, with: () => log };
  const pool = database.pool({ limits: { size: 1 }, log });
  await one(pool, "select 1", { isolation: "serializable" });
  await failure(pool.query(ask("select 1/0", { isolation: "serializable" })));
  await one(pool, "select 1", { rollback: true });
  expect(notices).toEqual([]);
});
