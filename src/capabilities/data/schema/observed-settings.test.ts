import { describe, expect, test } from "bun:test";
import { ALL_OBSERVED, observedIn } from "./observed-settings.ts";

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
