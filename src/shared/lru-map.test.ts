import { expect, test } from "bun:test";
import { LruMap } from "./lru-map.ts";

test("past its bound the entry used longest ago is forgotten", () => {
  const map = new LruMap<string, number>(2);
  map.set("a", 1);
  map.set("b", 2);
  expect(map.get("a")).toBe(1);
  map.set("c", 3);
  expect(map.size).toBe(2);
  expect([map.get("a"), map.get("b"), map.get("c")]).toEqual([1, undefined, 3]);
  map.set("a", 4);
  map.set("d", 5);
  expect([...map.entries()]).toEqual([
    ["a", 4],
    ["d", 5],
  ]);
  expect(map.delete("a")).toBe(true);
  map.clear();
  expect(map.size).toBe(0);
});
