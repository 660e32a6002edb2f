import { expect, test } from "bun:test";
import { createAllowance, createPace } from "./flow.ts";
import { readLines } from "./read-lines.ts";

test("an allowance is a second's worth, and comes back with time", () => {
  let now = 0;
  const allow = createAllowance({ monotonic: () => now }, 1_000);
  expect([allow(600), allow(400), allow(1)]).toEqual([true, true, false]);
  now = 500;
  expect([allow(400), allow(200)]).toEqual([true, false]);
  now = 60_000;
  expect([allow(1_000), allow(1)]).toEqual([true, false]);
});

test("a pace lets a tenth of a second's worth through and then takes its time", () => {
  let now = 1_000;
  const pace = createPace({ monotonic: () => now }, 1_000);
  now = 2_000;
  expect([pace(60), pace(40), pace(50)]).toEqual([0, 0, 50]);
  now = 2_050;
  expect(pace(100)).toBe(100);
});

test("lines are read no faster than they may, and all of them", async () => {
  const waits: number[] = [];
  const lines: string[] = [];
  const stream = new Blob(["one\ntwo\n", "th", "ree"]).stream();
  await readLines(stream, (line) => lines.push(line), {
    waitMs: (bytes) => bytes,
    sleep: async (ms) => void waits.push(ms),
  });
  expect(lines).toEqual(["one", "two", "three"]);
  expect(waits.reduce((sum, ms) => sum + ms, 0)).toBe(13);
});
