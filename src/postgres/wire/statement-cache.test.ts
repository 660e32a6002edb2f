import { describe, expect, test } from "bun:test";
import { StatementCache } from "./statement-cache.ts";

function ready(cache: StatementCache, key: string) {
  const statement = cache.acquire(key);
  statement.isReady = true;
  return statement;
}

describe("the statement cache", () => {
  test("a confirmed statement is used again", () => {
    const cache = new StatementCache(10);
    const first = ready(cache, "a");
    expect(cache.acquire("a")).toBe(first);
    expect(ready(cache, "b").name).not.toBe(first.name);
  });

  test("no query leans on a statement that another one has yet to parse", () => {
    const cache = new StatementCache(10);
    cache.acquire("a");
    expect(cache.acquire("a")).toMatchObject({ name: "", isReady: false });
  });

  test("the least recently used statement is closed first", () => {
    const cache = new StatementCache(2);
    ready(cache, "a");
    const b = ready(cache, "b");
    cache.acquire("a");
    ready(cache, "c");
    expect(cache.takeEvicted()).toEqual([b.name]);
    expect(cache.takeEvicted()).toEqual([]);
    expect(cache.size).toBe(2);
  });

  test("a dropped statement is closed, and its successor has another name", () => {
    const cache = new StatementCache(2);
    const stale = ready(cache, "a");
    cache.drop(stale);
    expect(cache.takeEvicted()).toEqual([stale.name]);
    const fresh = cache.acquire("a");
    expect(fresh.name).not.toBe(stale.name);
    cache.drop(stale);
    expect(cache.size).toBe(1);
  });

  test("a statement too long to be kept by the server is never named", () => {
    const cache = new StatementCache(10);
    expect(ready(cache, "x".repeat(16_384)).name).not.toBe("");
    expect(ready(cache, "x".repeat(16_385)).name).toBe("");
    expect(cache.size).toBe(1);
  });

  test("long statements push each other out long before there are too many", () => {
    const cache = new StatementCache(256);
    const keys = Array.from({ length: 100 }, (_, i) => String(i).padEnd(16_000, "x"));
    for (const key of keys) ready(cache, key);
    expect(cache.size).toBe(16);
    expect(cache.takeEvicted()).toHaveLength(84);
    for (const key of keys) cache.drop(cache.acquire(key));
    ready(cache, "y".repeat(16_000));
    expect(cache.size).toBe(1);
  });

  test("a limit of 0 means unnamed statements only", () => {
    const cache = new StatementCache(0);
    expect(ready(cache, "a").name).toBe("");
    expect(cache.acquire("a")).toMatchObject({ name: "", isReady: false });
    expect(cache.size).toBe(0);
  });
});
