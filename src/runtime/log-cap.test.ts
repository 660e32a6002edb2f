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

/** Time that the test moves. */
function handClock() {
  let now = 0;
  let due: (() => void)[] = [];
  const clock = {
    monotonic: () => now,
    after(_: number, run: () => void) {
      due.push(run);
      return () => undefined;
    },
  } as Clock;
  const move = (ms: number) => {
    now += ms;
  };
  const runDue = () => {
    const running = due;
    due = [];
    for (const run of running) run();
  };
  return { clock, move, runDue };
}

test("lines beyond the rate are refused, and told of before the next that passes", () => {
  const { clock, move, runDue } = handClock();
  const told: string[] = [];
  const cap = createLogCap(clock, { linesPerS: 3, onDropped: (said) => told.push(said) });
  expect([1, 2, 3, 4, 5].map(() => cap.admit())).toEqual([true, true, true, false, false]);
  expect(told).toEqual([]);
  move(1000);
  expect([cap.admit(), told]).toEqual([true, ["2 log lines were dropped"]]);
  runDue();
  expect([cap.admit(), told.length]).toEqual([true, 1]);
});

test("what was refused is told of when no line comes after it", () => {
  const { clock, move, runDue } = handClock();
  const told: string[] = [];
  const cap = createLogCap(clock, { linesPerS: 1, onDropped: (said) => told.push(said) });
  expect([cap.admit(), cap.admit()]).toEqual([true, false]);
  move(1000);
  runDue();
  expect(told).toEqual(["1 log line was dropped"]);
});

test("one that floods leaves as much to those who share a process with it", () => {
  const { clock, move } = handClock();
  const told: string[] = [];
  const capOf = createLogCaps(clock, (owner, said) => told.push(`${owner}: ${said}`));
  const passing = (owner: string, lines: number) =>
    Array.from({ length: lines }, () => capOf(owner).admit()).filter(Boolean).length;
  expect(passing("flood", 5_000)).toBe(LOG_LINES_PER_S);
  expect(passing("neighbour", 10)).toBe(10);
  expect(passing("second flood", 5_000)).toBe(LOG_LINES_PER_S - 10);
  expect(passing("third", 1)).toBe(0);
  move(1_000);
  expect([passing("third", 1), told]).toEqual([1, ["third: 1 log line was dropped"]]);
});

test("a line whose escapes make it long counts as so many", () => {
  expect(weightOf("short")).toBe(1);
  expect(weightOf(cutLine("x".repeat(100_000)))).toBe(1);
  expect(weightOf("\u0001".repeat(LOG_LINE_BYTES))).toBe(6);
  const cap = createLogCap(handClock().clock, { linesPerS: 10 });
  expect([cap.admit(6), cap.admit(6), cap.admit(4)]).toEqual([true, false, true]);
});

test("a long line is cut with a mark", () => {
  expect(cutLine("short")).toBe("short");
  const cut = cutLine("x".repeat(LOG_LINE_BYTES + 1));
  expect(cut.startsWith("x".repeat(LOG_LINE_BYTES))).toBe(true);
  expect(cut.endsWith("(cut)")).toBe(true);
});
