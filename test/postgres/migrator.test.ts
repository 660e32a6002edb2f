import { afterAll, describe, expect, test } from "bun:test";
import type { Sql } from "postgres";
import { migrationSet } from "../../src/postgres/migration-plan.ts";
import { type MigrateOptions, migrate } from "../../src/postgres/migrator.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { createMemoryLog } from "../support/memory-log.ts";
import { silentLog, testPostgres } from "../support/postgres.ts";
import { until } from "../support/until.ts";
import { connect, failure } from "./wire-database.ts";

const server = await testPostgres();
const cleanups: (() => Promise<void>)[] = [];
afterAll(() => Promise.all(cleanups.map((cleanup) => cleanup())), 30_000);

async function fresh(): Promise<{ sql: Sql; again: () => Sql }> {
  const database = await server.createDatabase();
  const handles: Sql[] = [];
  const again = () => {
    const sql = connect(database.url);
    handles.push(sql);
    return sql;
  };
  cleanups.push(async () => {
    await Promise.all(handles.map((sql) => sql.end({ timeout: 1 })));
    await database.drop();
  });
  return { sql: again(), again };
}

const options = (rest: Partial<MigrateOptions> = {}) => ({
  clock: systemClock,
  log: silentLog,
  ...rest,
});
const app = (...files: (readonly [name: string, sql: string])[]) =>
  migrationSet(
    "app",
    files.map(([name, sql]) => ({ name, sql })),
  );

const FIRST = ["0001_a", "create table a (id int)"] as const;
const SECOND = ["0002_b", "create table b (id int); insert into a values (1)"] as const;

describe("migrating", () => {
  test("applies what is new, in order, once, and records it", async () => {
    const { sql } = await fresh();
    const seen: string[] = [];
    const first = await migrate(sql, [app(FIRST)], options({ onApplied: (id) => seen.push(id) }));
    expect(first.applied.map(({ id }) => id)).toEqual(["app/0001_a"]);
    const second = await migrate(
      sql,
      [app(FIRST, SECOND)],
      options({ onApplied: (id) => seen.push(id) }),
    );
    expect(second).toMatchObject({ applied: [{ id: "app/0002_b" }], pending: [], appliedCount: 1 });
    expect(seen).toEqual(["app/0001_a", "app/0002_b"]);
    const third = await migrate(sql, [app(FIRST, SECOND)], options());
    expect(third).toMatchObject({ applied: [], missing: [], appliedCount: 2 });
    const ledger =
      await sql`select area, name, duration_ms >= 0 as timed from reactor.migrations order by name`;
    expect([...ledger]).toEqual([
      { area: "app", name: "0001_a", timed: true },
      { area: "app", name: "0002_b", timed: true },
    ]);
  });

  test("asks one query when there is nothing to do", async () => {
    const { sql, again } = await fresh();
    await migrate(sql, [app(FIRST)], options());
    const statements: string[] = [];
    const counting = again();
    const real = counting.options.debug;
    counting.options.debug = (_id, query) => statements.push(query);
    await migrate(counting, [app(FIRST)], options());
    counting.options.debug = real;
    expect(statements.filter((query) => !query.includes("pg_catalog.pg_type"))).toHaveLength(1);
  });

  test("only says what it would do in a dry run", async () => {
    const { sql } = await fresh();
    const report = await migrate(sql, [app(FIRST, SECOND)], options({ dryRun: true }));
    expect(report).toMatchObject({ applied: [], pending: ["app/0001_a", "app/0002_b"] });
    const [row] = await sql`select to_regclass('a') as a, to_regnamespace('reactor') as reactor`;
    expect(row).toEqual({ a: null, reactor: null });
  });

  test("takes back a migration that fails and keeps those before it", async () => {
    const { sql } = await fresh();
    const bad = ["0002_bad", "create table b (id int);\n-- ä 𝄞\nselect\n  nope\nfrom a;"] as const;
    const error = await failure(migrate(sql, [app(FIRST, bad)], options()));
    expect(error).toMatchObject({
      code: "migration_failed",
      status: 422,
      message: 'app/0002_bad.sql:4: column "nope" does not exist',
      extra: { file: "app/0002_bad.sql", line: 4, sqlstate: "42703" },
    });
    const [row] = await sql`select to_regclass('a')::text as a, to_regclass('b') as b`;
    expect(row).toEqual({ a: "a", b: null });
    const repaired = await migrate(sql, [app(FIRST, SECOND)], options());
    expect(repaired.applied.map(({ id }) => id)).toEqual(["app/0002_b"]);
  });

  test("refuses a changed file, and lists one that is gone", async () => {
    const { sql } = await fresh();
    await migrate(sql, [app(FIRST, SECOND)], options());
    const drift = migrate(sql, [app(["0001_a", "create table changed ()"], SECOND)], options());
    expect(await failure(drift)).toMatchObject({ code: "migration_drift", status: 409 });
    expect((await migrate(sql, [app(SECOND)], options())).missing).toEqual(["app/0001_a"]);
  });

  test("gives each migration the same session, whatever the one before it set", async () => {
    const { sql } = await fresh();
    await migrate(
      sql,
      [
        app(
          ["0001_a", "set search_path = pg_temp; set timezone = 'Asia/Tokyo'; set role pg_monitor"],
          [
            "0002_b",
            "create table where_am_i as select current_setting('search_path') as path, current_user::text as who",
          ],
        ),
      ],
      options(),
    );
    const [row] = await sql`select * from public.where_am_i`;
    expect(row).toEqual({ path: '"$user", public, extensions', who: "postgres" });
  });

  test("runs a marked file outside a transaction, statement by statement", async () => {
    const { sql } = await fresh();
    const concurrently =
      "-- reactor:no-transaction\ncreate index concurrently i on a (id);\ncreate index concurrently j on a (id);";
    await migrate(sql, [app(FIRST, ["0002_i", concurrently])], options());
    const [row] = await sql`select to_regclass('i')::text as i, to_regclass('j')::text as j`;
    expect(row).toEqual({ i: "i", j: "j" });
    const bad = ["0003_bad", "-- reactor:no-transaction\nselect 1;\n\nselect nope;"] as const;
    const error = await failure(
      migrate(sql, [app(FIRST, ["0002_i", concurrently], bad)], options()),
    );
    expect(error).toMatchObject({ extra: { line: 4 } });
  });
});

describe("servers that migrate at once", () => {
  test("apply each migration once between them", async () => {
    const { again } = await fresh();
    const slow = ["0002_b", "select pg_sleep(0.2); create table b (id int)"] as const;
    const reports = await Promise.all(
      [1, 2, 3, 4].map(() => migrate(again(), [app(FIRST, slow)], options())),
    );
    expect(reports.flatMap(({ applied }) => applied)).toHaveLength(2);
  });

  test("say that they wait, do not block an index build, and go on when the lock is free", async () => {
    const { sql, again } = await fresh();
    await migrate(sql, [app(FIRST)], options());
    const holder = await again().reserve();
    const log = createMemoryLog();
    await holder`select pg_advisory_lock(32199629220475762)`;
    const waiting = migrate(again(), [app(FIRST, SECOND)], options({ log }));
    await until("it says so", () =>
      log.lines.some(({ event }) => event === "migration.waiting_for_lock"),
    );
    await holder.unsafe("create index concurrently built on a (id)").simple();
    await holder`select pg_advisory_unlock_all()`;
    expect((await waiting).applied.map(({ id }) => id)).toEqual(["app/0002_b"]);
    holder.release();
  });

  test("leave no lock behind after a failure", async () => {
    const { sql, again } = await fresh();
    await failure(migrate(sql, [app(["0001_bad", "select nope"])], options()));
    const report = await migrate(again(), [app(FIRST)], options());
    expect(report.applied).toHaveLength(1);
  });
});
