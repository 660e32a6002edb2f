import { describe, expect, test } from "bun:test";
import { isOver, parseSnapshot } from "./snapshot.ts";

describe("whether a transaction is over", () => {
  test("is told by the snapshot", () => {
    const snapshot = parseSnapshot("10:20:10,14");
    expect([9, 10, 11, 14, 19, 20, 21].map((xid) => isOver(snapshot, xid))).toEqual(
      [true, false, true, false, true, false, false], //
    );
    expect(isOver(parseSnapshot("20:20:"), 19)).toBe(true);
  });

  test("also where the 32 bits of the id have begun anew", () => {
    const epoch = 3 * 2 ** 32;
    const justAfter = parseSnapshot(`${epoch - 5}:${epoch + 5}:${epoch - 5},${epoch + 1}`);
    const low = (id: number) => ((id % 2 ** 32) + 2 ** 32) % 2 ** 32;
    expect(isOver(justAfter, low(-5))).toBe(false);
    expect(isOver(justAfter, low(-4))).toBe(true);
    expect(isOver(justAfter, 1)).toBe(false);
    expect(isOver(justAfter, 2)).toBe(true);
    expect(isOver(justAfter, 5)).toBe(false);
    const justBefore = parseSnapshot(`${epoch - 9}:${epoch - 3}:`);
    expect(isOver(justBefore, 2)).toBe(false);
  });
});
