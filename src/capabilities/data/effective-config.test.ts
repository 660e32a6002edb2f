import { expect, test } from "bun:test";
import { Value } from "@sinclair/typebox/value";
import { type DataConfig, dataConfig } from "./config.ts";
import { decideConfig } from "./effective-config.ts";

const decide = (given: Partial<DataConfig>) =>
  decideConfig({ ...Value.Create(dataConfig), ...given });

test("lists are lists, as JSON or with commas", () => {
  for (const db_schemas of [["a", "b"], "a, b", '["a","b"]', " a ,b,, "]) {
    expect(decide({ db_schemas }).db_schemas).toEqual(["a", "b"]);
  }
  expect(decide({ db_extra_search_path: "" }).db_extra_search_path).toEqual([]);
  expect(decide({ server_cors_allowed_origins: "" }).server_cors_allowed_origins).toEqual([]);
  expect(decide({}).server_cors_allowed_origins).toBeNull();
  for (const db_schemas of ["", [], "a,pg_catalog", ["information_schema"]]) {
    expect(() => decide({ db_schemas })).toThrow("data.db_schemas");
  }
});

test("with a database of somebody else's the defaults are PostgREST's", () => {
  expect(decide({})).toMatchObject({
    db_anon_role: "anon",
    db_max_rows: 1_000,
    db_extra_search_path: ["public", "extensions"],
    require_rls: true,
  });
  expect(decide({ db_uri: "postgres://x" })).toMatchObject({
    db_anon_role: null,
    db_max_rows: 0,
    db_extra_search_path: ["public"],
    require_rls: false,
  });
  expect(
    decide({ db_uri: "x", require_rls: true, db_anon_role: "web", db_max_rows: 5 }),
  ).toMatchObject({ db_anon_role: "web", db_max_rows: 5, require_rls: true });
});
