import { describe, expect, test } from "bun:test";
import { buildSchema } from "../schema/build-schema.ts";
import type { Schema } from "../schema/schema.ts";
import { shopRows, shopSchema } from "../schema/shop-schema.fixture.ts";
import { compile } from "./compile-search.fixture.ts";

describe("a read by key", () => {
  const isOne = (table: string, search: string, schema?: Schema) =>
    compile(table, search, schema).isOneRow;

  test("makes its one row without an aggregate", () => {
    expect(compile("clients", "id=eq.5").sql).toBe(
      `select null, (select pg_catalog.json_build_array(_postgrest_t) from (select "public"."clients".* from "public"."clients" where "public"."clients"."id" = $1) as _postgrest_t), pg_catalog.current_setting('response.headers', true), pg_catalog.current_setting('response.status', true)`,
    );
    expect(isOne("clients", "id=eq.5&name=eq.a")).toBe(true);
  });

  test("asks for no headers or status where nothing sets any", () => {
    const unobserved = { ...shopSchema, observed: new Set<string>() };
    for (const search of ["id=eq.5", "name=eq.a"]) {
      expect(compile("clients", search).sql).toContain("response.");
      expect(compile("clients", search, unobserved).sql).not.toContain("response.");
    }
  });

  test("is none where there may be another row", () => {
    for (const search of ["", "id=gt.5", "id=not.eq.5", "or=(id.eq.5)", "name=eq.a"]) {
      expect(isOne("clients", search)).toBe(false);
    }
    expect(isOne("clients", "id=eq.5&select=id,projects(id)")).toBe(false);
    const tables = shopRows.tables.map((row) => ({ ...row, has_heirs: row.name === "clients" }));
    expect(isOne("clients", "id=eq.5", buildSchema(1, { ...shopRows, tables }))).toBe(false);
  });
});
