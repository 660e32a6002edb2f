/** What a change says of its row: the values as `to_json` renders them, and which rows filters choose. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { failure } from "../postgres/wire-database.ts";
import { until } from "../support/until.ts";
import { BASE_VALUES } from "./base-types.ts";
import { type FeedWorld, openFeedWorld, type TestFeed } from "./feed-world.ts";

const SERVICE = { role: "service_role" };

let world: FeedWorld;
let server: TestFeed;
beforeAll(async () => {
  const tables = Object.keys(BASE_VALUES).map((type) => {
    const hasArray = type !== "int2vector" && type !== "oidvector";
    const list = hasArray ? `pg_catalog."${type}"[]` : "text";
    return `create table "v_${type}" (n int primary key, a pg_catalog."${type}", b ${list});`;
  });
  world = await openFeedWorld(
    `${tables.join("\n")}
    create type mood as enum ('sad', 'so "so"');
    create domain price as numeric(8, 2) check (value >= 0);
    create domain label as text not null;
    create type pair as (a int, "b c" text);
    create table kinds (
      id int primary key, m mood, ms mood[], p price, l label, q pair, qs pair[], r int4range,
      doc json, docs jsonb[], twice int generated always as (id * 2) stored
    );
    create function above(l pair, r pair) returns bool language plpgsql immutable
      as $$ begin return 10 / l.a > 0 and l.a > r.a; end $$;
    create operator public.> (leftarg = pair, rightarg = pair, function = above);
    create table odd_pairs (id int primary key, q pair);
    create table big (id int primary key, n int, body text, tail text);
    alter table big alter body set storage external;
    create table whole_big (id int, n int, body text);
    alter table whole_big alter body set storage external;
    alter table whole_big replica identity full;
    create table parted (id int, k int, body text, primary key (id, k)) partition by list (k);
    create table parted_1 partition of parted for values in (1);
    create table parted_2 (k int, body text, id int, primary key (id, k));
    alter table parted attach partition parted_2 for values in (2);
    create table rooms (
      id int primary key, room int, name text, tags text[], doc jsonb, price numeric, at timestamptz,
      code char(4), owner uuid, open bool, "odd ""name" text
    );
    create table secrets (id int primary key, seen text, hidden text);
    grant select (id, seen) on secrets to authenticated;`,
    { require_rls: false },
  );
  await world.sql`revoke all on secrets from authenticated`;
  await world.sql`grant select (id, seen) on secrets to authenticated`;
  server = world.server();
});
afterAll(() => world.close());

describe("values", () => {
  for (const [type, values] of Object.entries(BASE_VALUES)) {
    test(`of ${type} and its arrays are rendered as to_json renders them`, async () => {
      const table = `v_${type}`;
      const one = await server.subscribe({ table, ...SERVICE });
      const hasArray = type !== "int2vector" && type !== "oidvector";
      for (const [n, value] of [...values, null].entries()) {
        const list = hasArray ? `array[$1::text, null]::text[]::pg_catalog."${type}"[]` : "null";
        const row = `${n}, $1::text::pg_catalog."${type}", ${list}`;
        await world.sql.unsafe(`insert into "${table}" values (${row})`, [value]);
      }
      const expected = await world.sql.unsafe(
        `select to_json(t)::text as json from "${table}" t order by n`,
      );
      await one.heard(expected.length);
      expect(one.changes.map(({ record }) => record)).toEqual(expected.map((row) => row["json"]));
      expect(one.changes[0]?.columns[1]).toEqual({ name: "a", type });
      one.subscription.close();
    });
  }

  test("of enums, domains, composites, ranges and JSON with line breaks", async () => {
    const one = await server.subscribe({ table: "kinds", ...SERVICE });
    await world.sql.unsafe(`insert into kinds values (1, 'so "so"', '{sad,NULL}', 1.5, 'x',
      row(1, 'x,"y'), array[row(2, null), null]::pair[], '[1,5)', E'{"a":\\n 1}', array['{"a": 1}', 'null']::jsonb[])`);
    await world.sql`update kinds set p = 2.25`;
    await world.sql`delete from kinds`;
    const [row] =
      await world.sql`select to_json(k)::text as json from (select 1) x left join kinds k on true`;
    expect(row?.["json"]).toBeNull();
    const [insert, update, removal] = await one.heard(3);
    expect(insert?.record).toBe(
      '{"id":1,"m":"so \\"so\\"","ms":["sad",null],"p":1.50,"l":"x","q":{"a":1,"b c":"x,\\"y"},' +
        '"qs":[{"a":2,"b c":null},null],"r":"[1,5)","doc":{"a":\n 1},"docs":[{"a": 1},null]}',
    );
    expect(JSON.parse(update?.record ?? "")).toMatchObject({ p: 2.25 });
    expect(removal).toMatchObject({ record: null, oldRecord: '{"id":1}' });
    expect(insert?.columns.slice(0, 4)).toEqual([
      { name: "id", type: "int4" },
      { name: "m", type: "mood" },
      { name: "ms", type: "_mood" },
      { name: "p", type: "price" },
    ]);
  });

  test("that an update did not touch out of line are told, too", async () => {
    const one = await server.subscribe({ table: "big", ...SERVICE });
    const whole = await server.subscribe({ table: "whole_big", ...SERVICE });
    await world.sql`insert into big values (1, 1, repeat('x', 9000), 'tail')`;
    await world.sql`insert into whole_big values (1, 1, repeat('y', 9000))`;
    await world.settle(one, whole);
    await world.sql`update big set n = 2`;
    await world.sql`update whole_big set n = 2`;
    await world.settle(one, whole);
    expect(JSON.parse(one.changes[1]?.record ?? "")).toEqual({
      id: 1,
      n: 2,
      body: "x".repeat(9000),
      tail: "tail",
    });
    expect(JSON.parse(whole.changes[1]?.record ?? "")).toEqual({
      id: 1,
      n: 2,
      body: "y".repeat(9000),
    });
  });

  test("of a partition are told under the name of the table", async () => {
    const one = await server.subscribe({ table: "parted", ...SERVICE });
    await world.sql`insert into parted values (1, 1, 'a'), (2, 2, 'b')`;
    await world.sql`update parted set k = 2 where id = 1`;
    await world.settle(one);
    expect(one.short.toSorted()).toEqual([
      'DELETE {"id":1,"k":1}',
      'INSERT {"id":1,"k":1,"body":"a"}',
      'INSERT {"k":2,"body":"a","id":1}',
      'INSERT {"k":2,"body":"b","id":2}',
    ]);
    expect(one.changes.every(({ table }) => table === "parted")).toBe(true);
  });

  test("of a key that changed are told with the old one", async () => {
    const one = await server.subscribe({ table: "big", ...SERVICE });
    await world.sql`insert into big values (7, 1, 'a', 'b')`;
    await world.sql`update big set id = 8 where id = 7`;
    await world.settle(one);
    expect(one.changes.map(({ type, oldRecord }) => [type, oldRecord])).toEqual([
      ["INSERT", null],
      ["UPDATE", '{"id":7}'],
    ]);
  });

  test("a truncated table is a gap", async () => {
    const one = await server.subscribe({ table: "big", ...SERVICE });
    await world.sql`truncate big`;
    await until("the gap", () => one.gaps.length > 0);
    expect(one.gaps).toEqual(["the table was truncated"]);
  });

  test("columns that came or went between a change and its telling are left out", async () => {
    await world.sql.unsafe("create table shifting (id int primary key, gone text, stays text)");
    const first = await until("the table", () =>
      server.subscribe({ table: "shifting", ...SERVICE }).catch(() => null),
    );
    const after = first.subscription.position();
    await world.sql`insert into shifting values (1, 'a', 'b')`;
    await world.sql.unsafe("alter table shifting drop gone, add fresh int default 5");
    await world.settle(first);
    const late = await server.subscribe({ table: "shifting", ...SERVICE, after });
    await world.sql`insert into shifting values (2, 'c')`;
    await late.heard(2);
    await until("the schema", async () => {
      const again = await server.subscribe({ table: "shifting", ...SERVICE, after });
      const [change] = await again.heard(1);
      return change?.record === '{"id":1,"stays":"b"}';
    });
    expect(late.changes[1]?.record).toBe('{"id":2,"stays":"c","fresh":5}');
  });
});

describe("filters", () => {
  const ROWS = [
    `1, 1, 'Ada', '{a,b}', '{"k": {"n": 5}}', 1.0, '2026-01-01T00:00:00Z', 'ab', '${"1".repeat(8)}-1111-4111-8111-111111111111', true, 'x'`,
    `2, 2, 'bob', '{b}', '{"k": {"n": 7}}', 1.50, '2026-06-01T12:00:00+02', 'cd', null, false, 'y'`,
    "3, null, null, null, null, null, null, null, null, null, null",
    "4, 10, 'Ada', '{}', 'null', 'NaN', 'infinity', 'ab  ', null, null, 'x'",
  ];
  const CASES: readonly (readonly [filters: readonly string[], ids: readonly number[]])[] = [
    [["room=eq.1"], [1]],
    [["room=eq.+01"], [1]],
    [["room=in.(1, 2)"], [1, 2]],
    [["room=in.()"], []],
    [["room=neq.1"], [2, 4]],
    [["room=not.eq.1"], [2, 4]],
    [["room=gt.1"], [2, 4]],
    [["room=is.null"], [3]],
    [["room=not.is.null"], [1, 2, 4]],
    [["name=eq.Ada"], [1, 4]],
    [["name=eq.ada"], []],
    [["name=ilike.a*"], [1, 4]],
    [["name=match.^A"], [1, 4]],
    [["name=isdistinct.Ada"], [2, 3]],
    [["tags=cs.{b}"], [1, 2]],
    [["doc->k->>n=eq.5"], [1]],
    [["doc->k->n=gt.5"], [2]],
    [["price=eq.1"], [1]],
    [["price=eq.1.5"], [2]],
    [["price=eq.NaN"], [4]],
    [["at=eq.2026-06-01T10:00:00Z"], [2]],
    [["code=eq.ab"], [1, 4]],
    [["owner=eq.{11111111-1111-4111-8111-111111111111}"], [1]],
    [["open=eq.yes"], [1]],
    [["open=is.true"], [1]],
    [["open=not.is.true"], [2, 3, 4]],
    [['"odd \\"name"=eq.x'], [1, 4]],
    [["room=gt.1", "name=eq.Ada"], [4]],
    [["room=eq.1", "name=eq.Ada", "price=lt.2"], [1]],
    [["room=eq.1", "name=eq.nobody"], []],
  ];

  test("choose the rows that the same filters of the data API choose", async () => {
    const listeners = await Promise.all(
      CASES.map(([filters]) => server.subscribe({ table: "rooms", ...SERVICE, filters })),
    );
    for (const row of ROWS) await world.sql.unsafe(`insert into rooms values (${row})`);
    await world.settle(...listeners);
    const found = listeners.map(({ changes }, at) => [
      CASES[at]?.[0],
      changes.map(({ record }) => JSON.parse(record ?? "").id),
    ]);
    expect(found as unknown).toEqual(CASES as unknown);
    for (const { subscription } of listeners) subscription.close();
  });

  test("on an update look at the new row; on a delete only at what it tells", async () => {
    const room = await server.subscribe({ table: "rooms", ...SERVICE, filters: ["room=eq.20"] });
    const key = await server.subscribe({ table: "rooms", ...SERVICE, filters: ["id=eq.20"] });
    const more = await server.subscribe({ table: "rooms", ...SERVICE, filters: ["id=gt.19"] });
    await world.sql`insert into rooms (id, room) values (20, 19)`;
    await world.sql`update rooms set room = 20 where id = 20`;
    await world.sql`update rooms set room = 21 where id = 20`;
    await world.sql`delete from rooms where id = 20`;
    await world.settle(room, key, more);
    expect(room.changes.map(({ type }) => type)).toEqual(["UPDATE"]);
    expect(key.changes.map(({ type }) => type)).toEqual(["INSERT", "UPDATE", "UPDATE", "DELETE"]);
    expect(more.changes.map(({ type }) => type)).toEqual(["INSERT", "UPDATE", "UPDATE", "DELETE"]);
  });

  test("choose kinds of changes", async () => {
    const one = await server.subscribe({ table: "rooms", ...SERVICE, types: ["UPDATE"] });
    await world.sql`insert into rooms (id, room) values (30, 1)`;
    await world.sql`update rooms set room = 2 where id = 30`;
    await world.settle(one);
    expect(one.changes.map(({ type }) => type)).toEqual(["UPDATE"]);
  });

  test("on values out of line that an update did not touch", async () => {
    const body = "z".repeat(9000);
    const plain = await server.subscribe({
      table: "big",
      ...SERVICE,
      filters: [`body=eq.${body}`],
    });
    const other = await server.subscribe({ table: "big", ...SERVICE, filters: ["body=eq.other"] });
    const sql = await server.subscribe({ table: "big", ...SERVICE, filters: ["body=like.zz*"] });
    await world.sql`insert into big values (40, 1, ${body}, '')`;
    await world.settle(plain, sql, other);
    await world.sql`update big set n = 2 where id = 40`;
    await world.settle(plain, sql, other);
    expect([plain, sql, other].map(({ changes }) => changes.length)).toEqual([2, 2, 0]);
  });

  test("of every table of a schema there are none; without any, all exposed tables are followed", async () => {
    const all = await server.subscribe({ table: null, ...SERVICE });
    await world.sql`insert into rooms (id) values (50)`;
    await world.sql`insert into big values (50, 1, 'a', 'b')`;
    await world.settle(all);
    expect(all.changes.map(({ table }) => table)).toEqual(["rooms", "big"]);
    const filters = ["id=eq.1"];
    expect(await failure(server.subscribe({ table: null, ...SERVICE, filters }))).toMatchObject({
      code: "realtime_table_missing",
    });
  });

  test("that cannot be are refused as a request with them would be", async () => {
    const refusal = (...filters: string[]) =>
      failure(server.subscribe({ table: "rooms", user: "u", filters }));
    expect(await refusal("absent=eq.1")).toMatchObject({ code: "42703", status: 400 });
    expect(await refusal("room=eq.x")).toMatchObject({ code: "22P02", status: 400 });
    expect(await refusal("room=gt.x")).toMatchObject({ code: "22P02", status: 400 });
    expect(await refusal("room=like.x")).toMatchObject({ code: "42883", status: 404 });
    const secrets = (filters: string[]) =>
      failure(server.subscribe({ table: "secrets", user: "u", filters }));
    expect(await secrets(["hidden=eq.x"])).toMatchObject({ code: "42501", status: 403 });
    expect(await secrets(["hidden=like.x*"])).toMatchObject({ code: "42501", status: 403 });
  });

  test("that fail on a row are a gap", async () => {
    const one = await server.subscribe({ table: "odd_pairs", ...SERVICE, filters: ["q=gt.(1,a)"] });
    await world.sql`insert into odd_pairs values (1, row(2, 'b')), (2, row(0, 'c')), (3, row(1, 'a'))`;
    await world.settle(one);
    expect(one.told.map((told) => ("gap" in told ? told.gap : told.change.record))).toEqual([
      '{"id":1,"q":{"a":2,"b c":"b"}}',
      "a filter could not be evaluated",
    ]);
  });
});
