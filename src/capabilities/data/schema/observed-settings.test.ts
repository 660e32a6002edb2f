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
    "update a.b.c set n = 1; update straße s set n = 1",
    `update "a"."b" as "c" set n = 1`,
    "/* update items\n*/ update items set n = 1",
    "update /* set role admin */ items -- set role admin\n set n = 1",
    "-- what is set here, and the lock on a temp table\nselect 1",
    "/* to notify, /* reset */ and show or execute */ select 1",
    "begin raise exception 'please set a name'; end",
    "begin raise notice 'the % is a lock, cursor or temp file', n; end",
    "select 'don''t reset', $$to notify somebody$$, E'it\\'s set', 'in temporary use'",
    "select * from jobs where state = 'lock' or kind in ('set', 'temp', 'notify', 'listen', 'reset;')",
    `select "set", "lock" from "temp" as "cursor"`,
    "insert into seen values ('set') on conflict do nothing",
    "create rule r as on insert to v do instead update items set n = 1",
    "select replace(a, '\\', '/') from t",
  ])("is nothing: %s", (code) => {
    expect(leavesTraces([code])).toBe(false);
  });

  test("is nothing in a megabyte of it", () => {
    const pieces = [
      "update a . a ",
      "update ",
      "a . ",
      " ",
      "; ",
      "'a' ",
      "'begin ",
      "/*",
      "'reset;",
    ];
    for (const piece of pieces) leavesTraces([piece.repeat(1_000_000 / piece.length)]);
    expect(leavesTraces([`update a${" . a".repeat(250_000)}`])).toBe(false);
    expect(leavesTraces([`'${"; reset ".repeat(1_000)}${" ".repeat(1_000_000)}'`])).toBe(true);
  }, 10_000);

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
    "begin/**/set/**/role admin; end",
    "-- set\rset role admin",
    "-- it's\nset role admin -- it's",
    "/* ' */ set role admin /* ' */",
    "select '/*'; set role admin; select '*/'",
    `select '"'; set role admin; select '"'`,
    "select '$$'; set role admin; select '$$'",
    "select '\\'; set role admin; select '\\'",
    "select E'\\''; set role admin; select E'\\''",
    "select E'a'\n'\\''; set role admin; select '\\'",
    "select $a$ $b$ $a$; set role admin; select $a$ $b$ $a$",
    "select 1 as a$b$; set role admin; select 1 as a$b$",
    "select 1.e5$$ $$; set role admin; select $$ $$",
    "set role admin; select 'without an end",
    "select 'update items \\'' set role admin",
    // Behind an UPDATE that is none, whatever stands between.
    'begin for r in select 1 from t for update of "t"loop set role admin; end loop; end',
    "begin for r in select 1 for update limit 3loop set role admin; end loop; end",
    "begin if update/**/then/**/set role admin; end if; end",
    "<<update>> set role admin",
    // By name, wherever.
    "select 'set_config'::regproc",
    `select "pg_notify"('a', 'b')`,
    "/* pg_advisory_lock */ select 1",
    "select $$lo_create(0)$$",
    'begin open c; end c "refcursor"',
    "select query_to_xml('select ' || a, true, true, '')",
    "update pg_settings set setting = 'b' where name = 'app.a'",
    `select U&"\\0073et_config"('app.a', 'b', true)`,
    // Where a literal runs as code.
    "do 'begin perform a(); end'",
    "do $a$ begin perform a(); end $a$",
    "do language plpgsql E'begin s\\x65t role admin; end'",
    "create function f() returns int as 'begin s' 'et role admin; end' language plpgsql",
    "create or replace procedure f() as E's\\x65t role admin' language sql",
    "select E'a'\n'\\''; do E's\\x65t role admin'",
    "begin execute $a$ set role admin $a$; end",
    "begin for r in execute 'select 1' loop end loop; end",
    // Where it might be that a function of an extension runs it.
    "select lives_ok('set role admin')",
    "select lives_ok($$ begin set role admin; end $$)",
    "select lives_ok('select 1; lock table a')",
    "select lives_ok(E'\\nset role admin')",
    "select lives_ok('/* to */ set role admin')",
    "select lives_ok('create temp table a (b int)')",
    "select lives_ok('declare c cursor for select 1')",
  ])("may be something: %s", (code) => {
    expect(leavesTraces(["select 1", code])).toBe(true);
  });

  test("may be anything where nobody knows the code", () => {
    expect(leavesTraces(null)).toBe(true);
    expect(leavesTraces([])).toBe(false);
  });
});
