import { describe, expect, test } from "bun:test";
import { DEFAULT_TENANT } from "../core/tenant.ts";
import { PerTenant } from "./per-tenant.ts";
import { singleTenant, tenantsByHost } from "./tenants.ts";

const one = { id: "one" };
const two = { id: "two" };

describe("tenants by host", () => {
  const tenants = tenantsByHost({ "one.example.test": one, "Two.example.test": two });

  test.each([
    ["one.example.test", one],
    ["ONE.example.test:8443", one],
    ["two.example.test", two],
    ["two.example.test:80", two],
  ])("%s has its tenant", (host, tenant) => {
    expect(tenants.resolve(host)).toBe(tenant);
  });

  test.each(["", "example.test", "one.example.test.evil.test", "xone.example.test", "127.0.0.1"])(
    "'%s' is nobody's",
    (host) => {
      expect(() => tenants.resolve(host)).toThrow("Nothing is served at");
    },
  );

  test("all of them are named once", () => {
    expect(tenantsByHost({ "a.test": one, "b.test": one, "c.test": two }).all()).toEqual([
      one,
      two,
    ]);
  });
});

test("a single tenant has every host", () => {
  expect(singleTenant().resolve("any.example.test")).toBe(DEFAULT_TENANT);
});

test("state is made once for each tenant, by its id", () => {
  const state = new PerTenant((tenant) => ({ of: tenant.id }));
  expect(state.of(one)).toEqual({ of: "one" });
  expect(state.of(two)).toEqual({ of: "two" });
  expect(state.of({ id: "one" })).toBe(state.of(one));
  state.drop(one);
  expect(state.values()).toEqual([{ of: "two" }]);
});
