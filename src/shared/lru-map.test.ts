import { expect, test } from "bun:test";
import { LruMap } from "./lru-map.ts";

const held = (map: LruMap<string, number>, keys: string) =>
  [...keys].filter((key) => map.get(key) !== undefined).join("");

test("past its bound an entry is forgotten that was not used since it came", () => {
  const map = new LruMap<string, number>(2);
  map.set("a", 1);
  map.set("b", 2);
  expect(map.get("a")).toBe(1);
  map.set("c", 3);
  expect(map.size).toBe(2);
  expect(held(map, "abc")).toBe("ac");
  expect(map.delete("a")).toBe(true);
  expect(map.get("a")).toBeUndefined();
  map.clear();
  expect(map.size).toBe(0);
});

test("a value that is set anew is in use, and the new one", () => {
  const map = new LruMap<string, number>(2);
  map.set("a", 1);
  map.set("b", 2);
  map.set("a", 3);
  map.set("c", 4);
  expect(map.get("a")).toBe(3);
  expect(held(map, "bc")).toBe("c");
});

test("what is used stays, however many others come once", () => {
  const map = new LruMap<string, number>(10);
  map.set("used", 1);
  for (let n = 0; n < 1_000; n += 1) {
    expect(map.get("used")).toBe(1);
    map.set(`once ${n}`, n);
    expect(map.size).toBeLessThanOrEqual(10);
  }
});

test("where all are in use, the one that was longest ago looked at goes, and not the new one", () => {
  const map = new LruMap<string, number>(3);
  for (const key of "abc") map.set(key, 1);
  held(map, "abc");
  map.set("d", 1);
  expect(held(map, "abcd")).toBe("bcd");
});
