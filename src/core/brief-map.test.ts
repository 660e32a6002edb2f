import { edenGC, fullGC, heapStats } from "bun:jsc";
import { expect, test } from "bun:test";
import fc from "fast-check";
import { BriefMap } from "./brief-map.ts";

const keys = fc.oneof(
  fc.integer({ min: 0, max: 40 }),
  // Of few homes.
  fc.integer({ min: 0, max: 200 }).map((n) => n * 2 ** 22),
  fc.constantFrom(0x7fff_ffff, 0x8000_0000, 0xffff_ffff),
);
const change = fc.tuple(fc.constantFrom("set", "set", "delete"), keys, fc.integer());

test("it is the map that it stands for, whatever comes and goes", () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 400, size: "max" }), (changes) => {
      const [brief, model] = [new BriefMap<number>(), new Map<number, number>()];
      for (const [how, key, value] of changes) {
        if (how === "delete") expect(brief.delete(key)).toBe(model.delete(key));
        else {
          brief.set(key, value);
          model.set(key, value);
        }
        expect(brief.get(key)).toBe(model.get(key));
        expect(brief.has(key)).toBe(model.has(key));
      }
      const ordered = [...model].sort(([a], [b]) => a - b);
      expect(brief.size).toBe(model.size);
      expect(brief.keys()).toEqual(ordered.map(([key]) => key));
      expect(brief.values()).toEqual(ordered.map(([, value]) => value));
      for (const [key, value] of model) expect(brief.get(key)).toBe(value);
    }),
    { numRuns: 300, seed: 7 },
  );
});

test("ten thousand at a time, and then none", () => {
  const brief = new BriefMap<number>();
  for (let key = 0; key < 10_000; key += 1) brief.set(key, -key);
  expect(brief.size).toBe(10_000);
  for (let key = 0; key < 10_000; key += 1) {
    expect(brief.get(key)).toBe(-key);
    expect(brief.delete(key)).toBe(true);
  }
  expect(brief.size).toBe(0);
  brief.set(3, 4);
  expect(brief.values()).toEqual([4]);
});

test.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, -0.5, 2 ** 53])(
  "nothing is under %d",
  (key) => {
    const brief = new BriefMap<string>();
    for (let n = 0; n < 40; n += 1) brief.set(n, "it");
    expect([brief.has(key), brief.get(key), brief.delete(key)]).toEqual([false, undefined, false]);
    expect(brief.size).toBe(40);
  },
);

/** How many dates that came and went are there after young collections. */
function left(map: Map<number, Date> | BriefMap<Date>): number {
  fullGC();
  const before = heapStats().objectTypeCounts["Date"] ?? 0;
  for (let key = 0; key < 30_000; key += 1) {
    map.set(key, new Date(key));
    map.delete(key - 64);
    if (key % 3_000 === 0) edenGC();
  }
  edenGC();
  return (heapStats().objectTypeCounts["Date"] ?? 0) - before;
}

test("what has gone is not kept until the next full collection", () => {
  // A collection finds those that are there, and what the stack still names.
  expect(left(new BriefMap())).toBeLessThan(2_000);
});

test("it is needed: what has gone from a Map is kept", () => {
  expect(left(new Map())).toBeGreaterThan(5_000);
});
