/** Settings of a request reach whatever code may look at them, and are left out where nothing does. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Sql } from "postgres";
import type { DatabaseCode } from "../../src/capabilities/data/schema/catalog-rows.ts";
import {
  ALL_OBSERVED,
  leavesTraces,
  observedIn,
} from "../../src/capabilities/data/schema/observed-settings.ts";
import { readCode } from "../../src/capabilities/data/schema/observed-store.ts";
import { migrate } from "../../src/postgres/migrator.ts";
import { ownMigrationSets } from "../../src/server/boot/migration-sets.ts";
import { capabilities } from "../../src/server/list.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { connect } from "../postgres/wire-database.ts";
import { silentLog, testPostgres } from "../support/postgres.ts";
import { until } from "../support/until.ts";
import { type DataWorld, openDataWorld } from "./data-world.ts";

const CLAIM = "current_setting('request.jwt.claims', true) is not null";
const PATH = "current_setting('request.path', true) = '/looked'";

let world: DataWorld;
let sql: Sql;

beforeAll(async () => {
  world = await openDataWorld();
  sql = world.sql;
  await sql.unsafe(`
    create table looked (id int primary key, note text);
    alter table looked enable row level security;
    create policy all_of_it on looked using (${CLAIM});
    grant select, insert, update on looked to anon;
    insert into looked values (1, 'one');
  `);
});
afterAll(() => world.close());

/** The code of the database with these statements carried out. */
async function codeWith(
  ddl: string,
  channel: string | null = "pgrst",
): Promise<DatabaseCode | null> {
  let code: DatabaseCode | null = null;
  await sql
    .begin(async (tx) => {
      await tx.unsafe(ddl);
      await tx`select pg_catalog.set_config('search_path', '', true)`;
      code = await readCode(tx, channel);
      throw new Error("undo");
    })
    .catch((error: Error) => {
      if (error.message !== "undo") throw error;
    });
  return code;
}

const allOf = (code: DatabaseCode | null) => code && [...code.others, ...code.ofTriggers];

/** Whether reads have transactions of their own with these statements carried out. */
async function traces(ddl = "", channel: string | null = "pgrst"): Promise<boolean> {
  const code = await codeWith(ddl, channel);
  return !code?.mayShare || leavesTraces(code.others);
}

/** What is observed in the database with these statements carried out. */
async function observed(ddl = "", channel: string | null = "pgrst"): Promise<string[]> {
  return [...observedIn(allOf(await codeWith(ddl, channel)))].sort();
}

const everything = [...ALL_OBSERVED].sort();

describe("code that looks at a request", () => {
  test("is none of what every database of ours holds", async () => {
    expect(await observed()).toEqual([]);
    expect(await traces()).toBe(false);
  });

  test("is none of what the server's own migrations make", async () => {
    const server = await testPostgres();
    const database = await server.createDatabase();
    const owner = connect(database.url);
    await migrate(owner, ownMigrationSets(capabilities), { clock: systemClock, log: silentLog });
    const code = await owner.begin(async (tx) => {
      await tx`select pg_catalog.set_config('search_path', '', true)`;
      return await readCode(tx, "pgrst");
    });
    expect([...observedIn(allOf(code))]).toEqual([]);
    expect([code?.mayShare, leavesTraces(code?.others ?? null)]).toEqual([true, false]);
    await owner.end();
    await database.drop();
  });

  const SEEN = "set_config('app.seen', 'yes', true) = 'yes'";
  test.each([
    ["a policy", `create policy p on looked using (${SEEN})`],
    ["a view", `create view v as select * from looked where ${SEEN}`],
    ["a view that tells somebody", "create view v as select pg_notify('a', 'b')::text as n"],
    ["a view that locks", "create view v as select pg_advisory_xact_lock(1)::text as n"],
    ["a view with a seed", "create view v as select setseed(0.5)::text as n"],
    [
      "a function",
      `create function f() returns boolean language plpgsql as $$ begin set local app.seen = 'yes'; return true; end $$`,
    ],
    [
      "a function that opens a cursor",
      "create function f(c refcursor) returns refcursor language plpgsql as $$ begin open c for select 1; return c; end $$",
    ],
    [
      "a table of parts",
      "create table parts (id int) partition by list (id); create table part partition of parts default",
    ],
    [
      "that not everybody may make settings",
      "revoke execute on function set_config from public; grant execute on function set_config to authenticator",
    ],
  ])("has reads keep to themselves: %s", async (_, ddl) => {
    expect(await traces(ddl)).toBe(true);
  });

  test("leaves none in comments and messages", async () => {
    const body = `
      -- Once a name is set, it's good: no lock, no temp table.
      begin /* notify /* nobody */ */
        if n is null then raise exception 'please set a name, or reset it'; end if;
        return n;
      end`;
    const ddl = `create function f(n text) returns text language plpgsql as $$ ${body} $$`;
    expect(await traces(ddl)).toBe(false);
    expect(await traces(ddl.replace("return n;", "set local app.a = 'b'; return n;"))).toBe(true);
  });

  test("leaves none in triggers, which no read calls, and any where nobody tells of changes", async () => {
    const body = "begin perform pg_notify('a', 'b'); set local app.a = 'b'; return new; end";
    const ddl = `create function f() returns trigger language plpgsql as $$ ${body} $$`;
    expect(await traces(ddl)).toBe(false);
    expect(await traces("", null)).toBe(true);
  });

  test.each([
    ["a policy's condition", `create policy p on looked using (${PATH})`],
    ["a policy's check", `create policy p on looked for insert with check (${PATH})`],
    ["a view", `create view v as select * from looked where ${PATH}`],
    ["a rule", `create rule r as on update to looked where ${PATH} do instead nothing`],
    ["a default", `alter table looked alter note set default (${PATH})::text`],
    ["a check", `alter table looked add check (${PATH} or note is not null)`],
    ["a domain's check", `create domain d as text check (${PATH})`],
    ["a domain's default", `create domain d as text default (${PATH})::text`],
    [
      "a trigger's condition",
      `create function t() returns trigger language plpgsql as 'begin return new; end';
       create trigger t before insert on looked for each row when (${PATH}) execute function t()`,
    ],
    ["a function", `create function f() returns boolean language sql as $$ select ${PATH} $$`],
    ["a function in parsed form", `create function f() returns boolean return ${PATH}`],
    ["a parameter's default", `create function f(a boolean default ${PATH}) returns int return 1`],
    [
      "a function in a schema of its own",
      `create schema aside;
       create function aside.f() returns boolean language plpgsql as $$ begin return ${PATH}; end $$`,
    ],
    ["a procedure", `create procedure f() language plpgsql as $$ begin perform ${PATH}; end $$`],
  ])("is found in %s", async (_, ddl) => {
    expect(await observed(ddl)).toEqual(["request.path"]);
  });

  test.each([
    ["a view of all settings", "create view v as select * from pg_settings"],
    [
      "a function of the server's own",
      "create function f() returns text language internal as 'now'",
    ],
    [
      "a view that runs a text",
      "create view v as select query_to_xml(note, true, true, '') from looked",
    ],
    ["nobody tells of changes", "alter event trigger reactor_schema_changed disable"],
    ["drops are not told of", "drop event trigger reactor_schema_dropped"],
  ])("may be anywhere: %s", async (_, ddl) => {
    expect(await observed(ddl)).toEqual(everything);
  });

  test("may be anywhere where changes are listened for elsewhere, or not at all", async () => {
    expect(await observed("", "other")).toEqual(everything);
    expect(await observed("", null)).toEqual(everything);
  });
});

describe("a request", () => {
  const rows = async (headers: Record<string, string> = {}) =>
    (await (await world.ask("/looked?id=eq.1", { headers })).json()) as unknown[];

  test("brings its headers as soon as a policy asks for them", async () => {
    expect(await rows()).toHaveLength(1);
    const header = "current_setting('request.headers', true)::json ->> 'x-key' = 'k'";
    await sql.unsafe(`alter policy all_of_it on looked using (${header})`);
    await until(
      "the policy sees the header",
      async () => (await rows({ "x-key": "k" })).length === 1,
    );
    expect(await rows()).toEqual([]);
    await sql.unsafe(`alter policy all_of_it on looked using (${CLAIM})`);
  });

  test("finds nothing of another's that came with it, whatever code leaves behind", async () => {
    await sql.unsafe(`
      create function started(looked) returns text language sql stable as
        'select now()::text -- Which is set once a transaction.';
      grant execute on function started to anon`);
    const looks = async (select: string) => {
      const asked = Array.from({ length: 20 }, async () => {
        const response = await world.ask(`/looked?id=eq.1&select=look:${select}`);
        return ((await response.json()) as { look: string }[])[0]?.look;
      });
      return await Promise.all(asked);
    };
    const share = async () => new Set(await looks("started")).size < 20;
    await until("reads that share a transaction", share);
    await sql.unsafe(`
      create function others(looked) returns text language sql as $$
        select concat(current_setting('app.seen', true), set_config('app.seen', 'seen', true)) $$;
      grant execute on function others to anon`);
    await until("the function is known", async () => (await looks("others"))[0] !== undefined);
    for (let round = 0; round < 20; round += 1) {
      expect(new Set(await looks("others"))).toEqual(new Set(["seen"]));
    }
    await sql.unsafe("drop function others");
    await until("reads that share one again", share);
  });

  test("is answered as soon as a trigger says so", async () => {
    await sql.unsafe(`
      create function choose() returns trigger language plpgsql as $$
        begin perform set_config('response.status', '299', true); return new; end $$;
      create trigger choose before update on looked for each row execute function choose()`);
    const update = () => world.ask("/looked?id=eq.1", { method: "PATCH", body: { note: "two" } });
    await until("the chosen status", async () => (await update()).status === 299);
    await sql.unsafe("drop function choose cascade");
    await until("the usual status", async () => (await update()).status === 204);
  });
});
