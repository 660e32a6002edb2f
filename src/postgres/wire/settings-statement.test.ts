import { expect, test } from "bun:test";
import { settingsParams, settingsSql } from "./settings-statement.ts";

const query = {
  role: "anon",
  settings: [["request.jwt.claims", `'; drop`]] as const,
  sql: "select 1",
  params: [],
};

test("the role comes first, values only ever as parameters", () => {
  expect(settingsSql(query)).toBe(
    "select pg_catalog.num_nulls(pg_catalog.set_config('role',$1,true),pg_catalog.set_config('statement_timeout',$2,true),pg_catalog.set_config('request.jwt.claims',$3,true))",
  );
  expect(settingsParams(query, 1500.2)).toEqual(["anon", "1501", "'; drop"]);
});

test("a read-only query says so", () => {
  const readOnly = { ...query, readOnly: true };
  expect(settingsSql(readOnly)).toEndWith(
    ",pg_catalog.set_config('transaction_read_only','on',true))",
  );
});

test("a setting's name that is no identifier is refused", () => {
  for (const name of ["a'b", "a b", "", "a..b", "a\\"]) {
    expect(() => settingsSql({ ...query, settings: [[name, ""]] })).toThrow("cannot be sent");
  }
});
