import { expect, test } from "bun:test";
import type { Clock } from "../core/ports/clock.ts";
import {
  createLogCap,
  createLogCaps,
  cutLine,
  LOG_LINE_BYTES,
  LOG_LINES_PER_S,
  weightOf,
} from "./log-cap.ts";

test("lines beyond the rate are refused and counted until the next second", () => {
  let now = 0;
  const cap = createLogCap({ monotonic: () => now } as Clock, 3);
  expect([1, 2, 3, 4, 5].map(() => cap.admit())).toEqual([true, true, true, false, false]);
  expect(cap.takeDropped()).toBe(0);
  now = 1000;
  expect(cap.admit()).toBe(true);
  expect(cap.takeDropped()).toBe(2);
  expect(cap.takeDropped()).toBe(0);
});

test("one that floods leaves as much to those who share a process with it", () => {
  let now = 0;
  const capOf = createLogCaps({ monotonic: () => now } as Clock);
  const passing = (owner: string, lines: number) =>
    Array.from({ length: lines }, () => capOf(owner).admit()).filter(Boolean).length;
  expect(passing("flood", 5_000)).toBe(LOG_LINES_PER_S);
  expect(passing("neighbour", 10)).toBe(10);
  expect(passing("second flood", 5_000)).toBe(LOG_LINES_PER_S - 10);
  expect(passing("third", 1)).toBe(0);
  now = 1_000;
  expect(passing("third", 1)).toBe(1);
  expect(capOf("third").takeDropped()).toBe(1);
});

test("a line whose escapes make it long counts as so many", () => {
  expect(weightOf("short")).toBe(1);
  expect(weightOf(cutLine("x".repeat(100_000)))).toBe(1);
  expect(weightOf("\u0001".repeat(LOG_LINE_BYTES))).toBe(6);
  const cap = createLogCap({ monotonic: () => 0 } as Clock, 10);
  expect([cap.admit(6), cap.admit(6), cap.admit(4)]).toEqual([true, false, true]);
});

test("a long line is cut with a mark", () => {
  expect(cutLine("short")).toBe("short");
  const cut = cutLine("x".repeat(LOG_LINE_BYTES + 1));
  expect(cut.startsWith("x".repeat(LOG_LINE_BYTES))).toBe(true);
  expect(cut.endsWith("(cut)")).toBe(true);
});
