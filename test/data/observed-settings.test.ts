/** Settings of a request reach whatever code may look at them, and are left out where nothing does. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Sql } from "postgres";
import { ALL_OBSERVED, observedIn } from "../../src/capabilities/data/schema/observed-settings.ts";
import { readCode } from "../../src/capabilities/data/schema/observed-store.ts";
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

/** What is observed in the database with these statements carried out. */
async function observed(ddl = "", channel: string | null = "pgrst"): Promise<string[]> {
  let code: readonly string[] | null = [];
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
  return [...observedIn(code)].sort();
}

const everything = [...ALL_OBSERVED].sort();

describe("code that looks at a request", () => {
  test("is none of what every database of ours holds", async () => {
    expect(await observed()).toEqual([]);
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
