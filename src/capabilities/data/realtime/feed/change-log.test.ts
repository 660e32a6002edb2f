import { describe, expect, test } from "bun:test";
import { ChangeLog } from "./change-log.ts";
import { before, compare, formatId, type Position, parseId } from "./position.ts";
import type { RawChange } from "./raw-change.ts";

const SHAPE = { schema: "public", table: "t", columns: [] };
const at = (lsn: number, index = 0): Position => ({ lsn: BigInt(lsn), index });

function change(position: Position, sizeBytes = 10): RawChange {
  return {
    ...{ position, sizeBytes, shape: SHAPE, type: "INSERT", reason: "", row: [], old: null },
    ...{ xid: null, committedAtMs: 0 },
  };
}

function filled(...positions: Position[]): ChangeLog {
  const log = new ChangeLog({ bytes: 100, ms: 1_000 });
  log.reset("x", before(1n));
  for (const position of positions) log.append(change(position), 0);
  return log;
}

const ALL = { count: 100, bytes: 1_000 };
const read = (log: ChangeLog, after: Position, max = ALL) =>
  log.read(after, log.covered, max).map(({ position }) => [Number(position.lsn), position.index]);

describe("the log of changes", () => {
  test("gives what comes behind a position, in pieces", () => {
    const log = filled(at(5, 0), at(5, 1), at(7, 0), at(9, 0));
    expect(read(log, before(1n))).toEqual([
      [5, 0],
      [5, 1],
      [7, 0],
      [9, 0],
    ]);
    expect(read(log, at(5, 0))).toEqual([
      [5, 1],
      [7, 0],
      [9, 0],
    ]);
    expect(read(log, at(5, 9))).toEqual([
      [7, 0],
      [9, 0],
    ]);
    expect(read(log, at(6, 0), { count: 1, bytes: 1_000 })).toEqual([[7, 0]]);
    // One change is always given, however large.
    expect(read(log, at(5, 1), { count: 100, bytes: 1 })).toEqual([[7, 0]]);
    expect(log.read(at(5, 0), at(7, 0), ALL)).toHaveLength(2);
    expect(log.bytesAfter(at(5, 1))).toBe(20);
    expect(log.bytesAfter(before(1n))).toBe(40);
    expect(log.bytesAfter(at(9, 0))).toBe(0);
  });

  test("leaves out what it has already", () => {
    const log = filled(at(5), at(7));
    log.append(change(at(5)), 0);
    log.append(change(at(7)), 0);
    log.append(change(at(8)), 0);
    expect(read(log, before(1n))).toEqual([
      [5, 0],
      [7, 0],
      [8, 0],
    ]);
    log.advance(before(20n));
    log.append(change(at(19)), 0);
    expect(log.size).toBe(3);
  });

  test("drops the oldest beyond its bytes and its time, and remembers what it does not have", () => {
    const log = filled(...Array.from({ length: 15 }, (_, n) => at(10 + n)));
    expect(log.reaches(before(1n))).toBe(true);
    expect(log.evict(0, log.covered)).toEqual(at(14));
    expect([log.bytes, log.size]).toEqual([100, 10]);
    expect(log.reaches(at(14))).toBe(true);
    expect(log.reaches(at(13))).toBe(false);
    log.append(change(at(30)), 900);
    log.evict(1_001, log.covered);
    expect(read(log, log.floor)).toEqual([[30, 0]]);
    expect(log.floor).toEqual(at(24));
  });

  test("drops nothing that somebody has yet to read", () => {
    const log = filled(...Array.from({ length: 15 }, (_, n) => at(10 + n)));
    log.evict(9_999, at(11));
    expect(log.floor).toEqual(at(11));
    expect(log.size).toBe(13);
  });

  test("begins anew: nothing before the floor can be resumed", () => {
    const log = filled(at(5), at(7));
    log.reset("y", before(6n));
    expect([log.size, log.bytes, log.resets, log.incarnation]).toEqual([0, 0, 2, "y"]);
    expect(log.reaches(at(5))).toBe(false);
    expect(log.reaches(before(6n))).toBe(true);
  });
});

describe("positions", () => {
  test("are ordered by commit, then by their place in it", () => {
    const ordered = [before(1n), at(1, 0), at(1, 1), before(2n), at(2, 0)];
    for (const [a, left] of ordered.entries()) {
      for (const [b, right] of ordered.entries()) {
        expect(Math.sign(compare(left, right))).toBe(Math.sign(a - b));
      }
    }
  });

  test("travel as ids of their incarnation", () => {
    for (const position of [before(0n), at(1, 0), { lsn: 2n ** 64n - 1n, index: 123_456 }]) {
      expect(parseId("a1b2", formatId("a1b2", position))).toEqual(position);
    }
    for (const id of ["", "a1b2", "a1b2-", "a1b2-1", "a1b2-1-", "a1b2--1", "b-1-1", "a1b2-1-1-1"]) {
      expect(parseId("a1b2", id)).toBeNull();
    }
    expect(parseId("a1b2", `a1b2-${"f".repeat(17)}-1`)).toBeNull();
    expect(parseId("a1b2", `a1b2-1-${"z".repeat(8)}`)).toBeNull();
  });
});
