import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { parseDatabaseUrl } from "../../src/postgres/url.ts";
import { CopyIn } from "../../src/postgres/wire/copy-in.ts";
import { CopyRows } from "../../src/postgres/wire/copy-rows.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { systemRng } from "../../src/shared/rng.ts";
import { createSimClock } from "../support/sim-clock.ts";
import { until } from "../support/until.ts";
import { failure, openWireDatabase } from "./wire-database.ts";

const database = await openWireDatabase(`
  create table notes (id bigint check (id < 1000), body text);
  create table every_type (b boolean, s smallint, r real, i bigint, t text, at timestamptz)`);
const { sql } = database;
const open = (clock = systemClock, idleTimeoutMs = 60_000) => {
  const address = parseDatabaseUrl(`${database.url}&application_name=copying`);
  return new CopyIn({ address, clock, rng: systemRng, idleTimeoutMs });
};
let copies = open();
afterAll(async () => {
  await copies.close(1_000);
  await database.close();
});
beforeEach(async () => void (await sql`truncate notes`));

const COPY = "copy notes from stdin";
const lines = (...rows: string[]) =>
  new TextEncoder().encode(rows.map((row) => `${row}\n`).join(""));
const ids = async () => (await sql`select id::int from notes order by id`).map(({ id }) => id);
const sessions = async () =>
  (await sql`select pid from pg_stat_activity where application_name = 'copying'`).map(
    ({ pid }) => pid as number,
  );

test("rows are there once it resolves; the next ones go over the same connection", async () => {
  await copies.write(COPY, lines("1\ta", "2\tb"));
  expect(await ids()).toEqual([1, 2]);
  const before = await sessions();
  await Promise.all([copies.write(COPY, lines("3\tc")), copies.write(COPY, lines("4\td"))]);
  expect(await ids()).toEqual([1, 2, 3, 4]);
  expect(await sessions()).toEqual(before);
});

test("a megabyte of rows arrives whole", async () => {
  const body = "x".repeat(2_000);
  await copies.write(COPY, lines(...Array.from({ length: 500 }, (_, n) => `${n}\t${body}`)));
  expect(await ids()).toHaveLength(500);
});

test.each([
  ["a command that is refused", "copy nothing from stdin", ["1\ta"], "42P01"],
  ["a row that cannot be read", COPY, ["1\ta", "two\tb"], "22P02"],
  ["a row that is found wrong after all of them were sent", COPY, ["1\ta", "1000\tb"], "23514"],
])("%s writes nothing, and the next command works", async (_, command, rows, code) => {
  expect(await failure(copies.write(command, lines(...rows)))).toMatchObject({
    ...{ name: "PgError", code },
  });
  await copies.write(COPY, lines("7\tnext"));
  expect(await ids()).toEqual([7]);
});

describe("a connection that goes", () => {
  const terminate = () =>
    sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'copying'`;

  test("under way: the write fails and the one after it connects again", async () => {
    const holder = await sql.reserve();
    await holder`begin`;
    await holder`lock table notes`;
    const lost = failure(copies.write(COPY, lines("1\ta")));
    const next = copies.write(COPY, lines("2\tb"));
    await until("it waits", async () => {
      const [waiting] = await sql`
        select 1 from pg_stat_activity where application_name = 'copying' and wait_event_type = 'Lock'`;
      return waiting;
    });
    await terminate();
    expect(await lost).toMatchObject({ code: "57P01" });
    await holder`commit`;
    holder.release();
    await next;
    expect(await ids()).toEqual([2]);
  });

  test("while idle: once that is noticed, the next write connects again", async () => {
    await copies.write(COPY, lines("1\ta"));
    await terminate();
    await until("it is gone", async () => (await sessions()).length === 0);
    const write = () => copies.write(COPY, lines("2\tb"));
    await until("a write succeeds", () =>
      write().then(
        () => true,
        () => false,
      ),
    );
    expect(await ids()).toEqual([1, 2]);
  });

  test("is ended when nothing was written for long", async () => {
    const clock = createSimClock();
    const seldom = open(clock, 1_000);
    await copies.close(1_000);
    await seldom.write(COPY, lines("1\ta"));
    await clock.advance(600);
    await seldom.write(COPY, lines("2\tb"));
    await clock.advance(600);
    expect(await sessions()).toHaveLength(1);
    await clock.advance(500);
    await until("it is gone", async () => (await sessions()).length === 0);
    await seldom.write(COPY, lines("3\tc"));
    await seldom.close(1_000);
    expect(await failure(seldom.write(COPY, lines("4\td")))).toMatchObject({
      code: "database_unavailable",
    });
    expect(await ids()).toEqual([1, 2, 3]);
    copies = open();
  });

  test("closing gives up a write that outlasts its budget", async () => {
    const stuck = open();
    const holder = await sql.reserve();
    await holder`begin`;
    await holder`lock table notes`;
    const lost = failure(stuck.write(COPY, lines("1\ta")));
    await stuck.close(0);
    expect(["connection_lost", "database_unavailable"]).toContain(String((await lost)["code"]));
    await holder`commit`;
    holder.release();
  });
});

test("binary rows hold what was put in", async () => {
  const rows = new CopyRows(6);
  const put = (
    b: boolean,
    s: number,
    r: number,
    i: number | null,
    t: string | null,
    at: number,
  ) => {
    rows.row();
    rows.boolean(b);
    rows.smallint(s);
    rows.real(r);
    rows.bigint(i);
    rows.text(t);
    rows.timestamptz(at);
  };
  const long = "é🙂".repeat(40_000);
  put(true, -32_768, 0.5, Number.MAX_SAFE_INTEGER, "", Date.UTC(2026, 10, 26, 1, 2, 3, 4));
  put(false, 32_767, -1.25, Number.MIN_SAFE_INTEGER, long, Date.UTC(1969, 11, 31, 23, 59));
  put(false, 0, 0, null, null, 0);
  put(true, 1, 1, -1, "née", Date.UTC(2000, 0, 1) - 1);
  await copies.write("copy every_type from stdin (format binary)", rows.end());
  const kept = await sql`select b, s, r, i::text as i, t, at::text as at from every_type`;
  expect(kept.map((row) => Object.values(row))).toEqual([
    [true, -32_768, 0.5, "9007199254740991", "", "2026-11-26 01:02:03.004+00"],
    [false, 32_767, -1.25, "-9007199254740991", long, "1969-12-31 23:59:00+00"],
    [false, 0, 0, null, null, "1970-01-01 00:00:00+00"],
    [true, 1, 1, "-1", "née", "1999-12-31 23:59:59.999+00"],
  ]);
});
