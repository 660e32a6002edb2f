import { describe, expect, test } from "bun:test";
import { ALL_OBSERVED, leavesTraces, observedIn } from "./observed-settings.ts";

const found = (...code: string[]) => [...observedIn(code)];

describe("the settings that code looks at", () => {
  test("are none where it asks for others only", () => {
    expect(found()).toEqual([]);
    expect(
      found(
        "select current_setting('request.jwt.claims', true)::json ->> 'sub'",
        "(owner = (current_setting('app.owner'::text, true))::uuid)",
        `begin perform set_config('app.seen', new.id::text, true); return new; end`,
      ),
    ).toEqual([]);
  });

  test("are those that it names, wherever the name stands", () => {
    expect(
      found("((current_setting('request.headers'::text, true))::json ->> 'x-key'::text)"),
    ).toEqual(["request.headers"]);
    expect(found("select set_config('response.status', '201', true)")).toEqual(["response.status"]);
    expect(
      found(`select get_setting('Request.Path') || "CURRENT_SETTING" ('request.method')`),
    ).toEqual(["request.method", "request.path"]);
  });

  test.each([
    "select current_setting(name, true)",
    "select current_setting('request.' || name, true)",
    "select current_setting(/* which */ 'app.a', true)",
    "select current_setting(E'request\\x2eheaders', true)",
    "select current_setting($$app.a$$)",
    "perform set_config(concat('response', '.status'), '201', true)",
    "begin execute 'select ' || what; end",
    "return query EXECUTE statement",
    "select setting from pg_settings",
    "show all",
    "select query_to_xml(statement, true, true, '')",
    "select * from dblink('dbname=x', statement) as t(a text)",
    "select U&\"current\\005fsetting\"('app.a')",
  ])("are all in doubt: %s", (code) => {
    expect(observedIn(["select 1", code])).toEqual(ALL_OBSERVED);
  });

  test("are all where nobody knows the code", () => {
    expect(observedIn(null)).toEqual(ALL_OBSERVED);
  });
});

describe("what code leaves in its transaction", () => {
  test.each([
    "select * from items where owner = auth.uid()",
    "begin new.updated_at = now(); return new; end",
    "begin update items set n = n + 1 where id = new.id; return new; end",
    "update only public.items as i\n   set n = 1",
    `update "Items" i set n = 1`,
    "insert into seen values (1) on conflict (id) do update set n = seen.n + 1",
    "merge into a using b on a.id = b.id when matched then update set n = b.n",
    "select offset_of(1), dataset, reset_at from settings",
    "(owner = (current_setting('app.owner'::text, true))::uuid)",
  ])("is nothing: %s", (code) => {
    expect(leavesTraces([code])).toBe(false);
  });

  test.each([
    "begin perform set_config('app.seen', 'yes', true); end",
    "begin set local search_path = ''; end",
    "begin set role service_role; end",
    "begin\n  SET app.a TO 'b'; end",
    "set time zone 'UTC'",
    "set constraints all deferred",
    "-- what an update\n set local role admin",
    "-- update items\n set local role admin",
    "/* update items */ set local role admin",
    "/* update items\n*/ update items set n = 1",
    "reset role",
    "lock table items",
    "declare c cursor for select 1; begin open c; end",
    "create temp table t (a int)",
    "begin execute statement; end",
    "select setseed(0.5)",
    "begin if update then set local app.a = 'b'; end if; end",
    "begin for update loop set local app.a = 'b'; end loop; end",
    "begin case what when update then set role admin; end case; end",
    "begin if not update else set role admin; end",
    "begin perform pg_notify('a', 'b'); end",
    "begin notify a; end",
    "select pg_advisory_xact_lock(1)",
    "select pg_try_advisory_xact_lock(1)",
    "select lo_open(1, 2)",
    "begin open c; end c refcursor",
  ])("may be something: %s", (code) => {
    expect(leavesTraces(["select 1", code])).toBe(true);
  });

  test("may be anything where nobody knows the code", () => {
    expect(leavesTraces(null)).toBe(true);
    expect(leavesTraces([])).toBe(false);
  });
});
