import { describe, expect, test } from "bun:test";
import { StatementCache } from "./statement-cache.ts";
import { StatementKind } from "./statement-kinds.ts";

const kind = (chars = 1) => new StatementKind(chars);

function ready(cache: StatementCache, one: StatementKind) {
  const statement = cache.acquire(one);
  statement.isReady = true;
  return statement;
}

describe("the statement cache", () => {
  const [a, b, c] = [kind(), kind(), kind()];

  test("a confirmed statement is used again", () => {
    const cache = new StatementCache(10);
    const first = ready(cache, a);
    expect(cache.acquire(a)).toBe(first);
    expect(ready(cache, b).name).not.toBe(first.name);
  });

  test("no query leans on a statement that another one has yet to parse", () => {
    const cache = new StatementCache(10);
    cache.acquire(a);
    expect(cache.acquire(a)).toMatchObject({ name: "", isReady: false });
  });

  test("the least recently used statement is closed first", () => {
    const cache = new StatementCache(2);
    ready(cache, a);
    const second = ready(cache, b);
    cache.acquire(a);
    ready(cache, c);
    expect(cache.takeEvicted()).toEqual([second.name]);
    expect(cache.takeEvicted()).toEqual([]);
    expect(cache.size).toBe(2);
  });

  test("a dropped statement is closed, and its successor has another name", () => {
    const cache = new StatementCache(2);
    const stale = ready(cache, a);
    cache.drop(stale);
    expect(cache.takeEvicted()).toEqual([stale.name]);
    const fresh = cache.acquire(a);
    expect(fresh.name).not.toBe(stale.name);
    cache.drop(stale);
    expect(cache.size).toBe(1);
  });

  test("a statement too long to be kept by the server is never named", () => {
    const cache = new StatementCache(10);
    expect(ready(cache, kind(16_384)).name).not.toBe("");
    expect(ready(cache, kind(16_385)).name).toBe("");
    expect(cache.size).toBe(1);
  });

  test("long statements push each other out long before there are too many", () => {
    const cache = new StatementCache(256);
    const kinds = Array.from({ length: 100 }, () => kind(16_000));
    for (const one of kinds) ready(cache, one);
    expect(cache.size).toBe(16);
    expect(cache.takeEvicted()).toHaveLength(84);
    for (const one of kinds) cache.drop(cache.acquire(one));
    ready(cache, kind(16_000));
    expect(cache.size).toBe(1);
  });

  test("a limit of 0 means unnamed statements only", () => {
    const cache = new StatementCache(0);
    expect(ready(cache, a).name).toBe("");
    expect(cache.acquire(a)).toMatchObject({ name: "", isReady: false });
    expect(cache.size).toBe(0);
  });
});
