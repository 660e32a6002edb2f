import { expect, test } from "bun:test";
import { createSimClock } from "../../test/support/sim-clock.ts";
import { Callers } from "./callers.ts";

const ADA = { authorization: "Bearer ada", apikey: null };
const GRACE_MS = 1_000;

function callersAt() {
  const clock = createSimClock();
  return { clock, callers: new Callers(clock) };
}

test("a call may ask until its answer is through, and no number stands for two", () => {
  const { callers } = callersAt();
  const [first, second] = [callers.enter(ADA), callers.enter()];
  expect(callers.of(first)).toBe(ADA);
  expect(callers.of(second)).toEqual({ authorization: null, apikey: null });
  callers.leave(first, true, GRACE_MS);
  expect(callers.of(first)).toBeNull();
  expect([0, -1, 3, Number.MAX_SAFE_INTEGER].map((n) => callers.of(n))).toEqual(
    Array(4).fill(null),
  );
  expect(callers.enter(ADA)).toBe(3);
});

test("with work that goes on it may ask as long again, and no longer than the work", async () => {
  const { clock, callers } = callersAt();
  const [long, brief] = [callers.enter(ADA), callers.enter(ADA)];
  for (const call of [long, brief]) {
    callers.works(call, true);
    callers.leave(call, true, GRACE_MS);
  }
  callers.works(brief, false);
  expect([callers.of(long), callers.of(brief)]).toEqual([ADA, null]);
  await clock.advance(GRACE_MS - 1);
  expect(callers.of(long)).toBe(ADA);
  await clock.advance(1);
  expect(callers.of(long)).toBeNull();
});

test("work that is over before the answer, or begins after it, keeps nothing", () => {
  const { callers } = callersAt();
  const [before, after] = [callers.enter(ADA), callers.enter(ADA)];
  callers.works(before, true);
  callers.works(before, false);
  for (const call of [before, after]) callers.leave(call, true, GRACE_MS);
  callers.works(after, true);
  expect([callers.of(before), callers.of(after)]).toEqual([null, null]);
});

test("one that was cut off may put things in order, whatever work of it is over", async () => {
  const { clock, callers } = callersAt();
  const call = callers.enter(ADA);
  callers.leave(call, false, GRACE_MS);
  callers.works(call, true);
  callers.works(call, false);
  expect(callers.of(call)).toBe(ADA);
  await clock.advance(GRACE_MS);
  expect(callers.of(call)).toBeNull();
});

test("of those that have ended only so many are known, the newest", () => {
  const { callers } = callersAt();
  const calls = Array.from({ length: 10_001 }, () => callers.enter(ADA));
  for (const call of calls) callers.leave(call, false, GRACE_MS);
  expect(calls.filter((call) => callers.of(call) === null)).toEqual([1]);
});
