import { expect, test } from "bun:test";
import { createSimClock } from "../../../test/support/sim-clock.ts";
import { FIRST_PAUSE_MS, FORGET_MS, PAUSE_MAX_MS, RestartPace } from "./restart-pace.ts";

function ended(times: number) {
  const clock = createSimClock();
  const pace = new RestartPace(clock);
  for (let n = 0; n < times; n += 1) pace.countEnd();
  return { pace, clock };
}

test("one end is made up for at once, each further one after twice the pause", () => {
  const pauses = [0, 1, 2, 3, 4, 5, 50].map((times) => ended(times).pace.waitMs());
  const first = FIRST_PAUSE_MS;
  expect(pauses).toEqual([0, 0, first, 2 * first, 4 * first, PAUSE_MAX_MS, PAUSE_MAX_MS]);
});

test("a pause passes", async () => {
  const { pace, clock } = ended(3);
  await clock.advance(2 * FIRST_PAUSE_MS - 1);
  expect(pace.waitMs()).toBe(1);
  await clock.advance(2);
  expect(pace.waitMs()).toBe(0);
});

test("after a while without an end the next is the first", async () => {
  const { pace, clock } = ended(9);
  await clock.advance(FORGET_MS);
  expect(pace.hasForgotten()).toBe(false);
  await clock.advance(1);
  expect(pace.hasForgotten()).toBe(true);
  pace.countEnd();
  expect(pace.waitMs()).toBe(0);
  pace.countEnd();
  expect(pace.waitMs()).toBe(FIRST_PAUSE_MS);
});
