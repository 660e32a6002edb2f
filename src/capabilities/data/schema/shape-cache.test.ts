import { describe, expect, test } from "bun:test";
import { ShapeCache } from "./shape-cache.ts";

describe("the cache of request shapes", () => {
  test("the oldest shape makes room", () => {
    const cache = new ShapeCache<number>(2);
    cache.set("a", 1);
    cache.set("b", 2);
    cache.set("c", 3);
    expect([cache.get("a"), cache.get("b"), cache.get("c")]).toEqual([undefined, 2, 3]);
  });

  test("a shape as long as only an attacker's is compiled each time and never kept", () => {
    const cache = new ShapeCache<number>(2);
    const longest = "x".repeat(4_096);
    cache.set(longest, 1);
    cache.set(`${longest}x`, 2);
    expect(cache.get(longest)).toBe(1);
    expect(cache.get(`${longest}x`)).toBeUndefined();
    expect(cache.size).toBe(1);
  });
});
