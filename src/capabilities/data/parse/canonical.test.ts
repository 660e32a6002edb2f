import { describe, expect, test } from "bun:test";
import { canonicalQuery } from "./canonical.ts";

describe("a canonical query", () => {
  test.each([
    ["", ""],
    ["b=1&a=2", "?a=2&b=1"],
    ["a=1&c=3&b=2&d", "?a=1&b=2&c=3&d="],
    ["id=lt.3&id=gt.1", "?id=lt.3,gt.1"],
    ["select=*&x=(a,'b')!", "?select=%2A&x=%28a%2C%27b%27%29%21"],
    ["n=a+b%20c&é=%C3%A9", "?n=a%20b%20c&%C3%A9=%C3%A9"],
    ["a=1&&b=2", "?a=1&b=2"],
    ["%61=%31", "?a=1"],
    ["id=eq.5", "?id=eq.5"],
    ["id=", "?id="],
    ["=x", "?=x"],
    ["id=a=b", "?id=a%3Db"],
  ])("of %p is %p", (search, canonical) => {
    expect(canonicalQuery(search)).toBe(canonical);
  });

  test("of what is no UTF-8 is refused, as everywhere", () => {
    expect(() => canonicalQuery("x=%ff")).toThrow("failed to parse the query string");
  });

  test("holds nothing that could end a header", () => {
    expect(canonicalQuery("a=%0d%0aX-Evil:1&%0a=%00")).toBe("?%0A=%00&a=%0D%0AX-Evil%3A1");
  });
});
