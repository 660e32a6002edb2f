import { describe, expect, test } from "bun:test";
import { nearestName } from "./nearest.ts";

describe("the nearest name", () => {
  const tables = ["films", "directors", "roles", "actors"];
  test.each([
    ["film", "films"],
    ["DIRECTOR", "directors"],
    ["role", "roles"],
    ["noclosealternative", null],
    ["", null],
    ["x".repeat(5000), null],
  ])("of %p is %p", (name, nearest) => {
    expect(nearestName(name, tables, 0.33)).toBe(nearest);
  });

  test("is as near as is asked for", () => {
    expect(nearestName("filme", tables, 0.75)).toBe("films");
    expect(nearestName("fi", tables, 0.75)).toBeNull();
  });

  test("shares letters in a row: a chance likeness suggests nothing", () => {
    expect(nearestName("smlif", ["films"], 0.1)).toBeNull();
  });
});
