import { describe, expect, test } from "bun:test";
import { covers, coversAll, isPermission, permits } from "./permissions.ts";

describe("permissions", () => {
  test.each([
    ["*", true],
    ["data:todos:read", true],
    ["data:*:*", true],
    ["*:*:*", true],
    ["functions:send-mail:invoke", true],
    ["data:app.todos:read", true],
    ["", false],
    ["data", false],
    ["data:todos", false],
    ["data:todos:read:more", false],
    ["data::read", false],
    ["data:to*:read", false],
    ["**", false],
    ["data:.:read", false],
    ["data:todos:read\n", false],
    [" data:todos:read", false],
    ["data:tödös:read", false],
    [`data:${"x".repeat(64)}:read`, false],
  ])("%j is a permission: %p", (text, expected) => {
    expect(isPermission(text)).toBe(expected);
  });

  test.each([
    [["*"], "data:todos:read", true],
    [["*"], "*", true],
    [["data:todos:read"], "data:todos:read", true],
    [["data:todos:read"], "data:todos:delete", false],
    [["data:*:read"], "data:todos:read", true],
    [["data:*:*"], "functions:hello:invoke", false],
    [["*:*:*"], "data:todos:read", true],
    // What is asked for is never a pattern.
    [["data:todos:read"], "data:*:read", false],
    [["data:todos:read"], "*", false],
    [["*:*:*"], "*", false],
    [["data:*:read"], "data:*:read", true],
    [["data:todos:write"], "data:todos:insert", true],
    [["data:todos:write"], "data:todos:delete", true],
    [["data:todos:write"], "data:todos:read", false],
    [["data:todos:insert", "data:todos:update", "data:todos:delete"], "data:todos:write", false],
    [["data:Todos:read"], "data:todos:read", false],
    [["data:todos"], "data:todos:read", false],
    [["data:todos:read:x"], "data:todos:read", false],
    [[""], "", false],
    [[], "data:todos:read", false],
  ])("%j covers %p: %p", (granted, wanted, expected) => {
    expect(covers(granted, wanted)).toBe(expected);
  });

  test("a set grows by one permission that is not covered", () => {
    const mine = ["data:*:read", "functions:hello:invoke"];
    expect(coversAll(mine, ["data:todos:read", "functions:hello:invoke"])).toBe(true);
    expect(coversAll(mine, [])).toBe(true);
    expect(coversAll(mine, ["data:todos:read", "functions:*:invoke"])).toBe(false);
  });

  test("only keys have scopes, and an empty list allows nothing", () => {
    expect(permits({}, "data:todos:read")).toBe(true);
    expect(permits({ scopes: [] }, "data:todos:read")).toBe(false);
    expect(permits({ scopes: ["data:*:read"] }, "data:todos:read")).toBe(true);
  });
});
