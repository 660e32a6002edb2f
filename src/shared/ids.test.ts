import { expect, test } from "bun:test";
import type { Clock } from "../core/ports/clock.ts";
import { createIds } from "./ids.ts";

const FORM = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

function setup(fill = 0xff) {
  const time = { nowMs: 0x0190_1234_5678 };
  const clock = { now: () => time.nowMs } as Clock;
  const rng = { bytes: (n: number) => new Uint8Array(n).fill(fill) };
  return { time, ids: createIds(clock, rng) };
}

test("an id is a UUID of version 7: the time, a counter, and random bits", () => {
  const { ids } = setup();
  expect(ids.uuid()).toBe("01901234-5678-77ff-bfff-ffffffffffff");
  expect(ids.uuid()).toBe("01901234-5678-7800-bfff-ffffffffffff");
  expect(setup(0).ids.uuid()).toBe("01901234-5678-7000-8000-000000000000");
});

test("ids stay in order within a millisecond, past the counter's end and when the clock steps back", () => {
  const { ids, time } = setup();
  const all: string[] = [];
  for (let at = 0; at < 10_000; at += 1) {
    if (at === 5_000) time.nowMs -= 1_000;
    if (at === 9_000) time.nowMs += 10_000;
    all.push(ids.uuid());
  }
  expect(all.every((id) => FORM.test(id))).toBe(true);
  expect(all.toSorted()).toEqual(all);
  expect(new Set(all).size).toBe(all.length);
});

test("the random bits are all drawn, and none twice", () => {
  let next = 0;
  const rng = { bytes: (n: number) => Uint8Array.from({ length: n }, () => ++next & 0x3f) };
  const ids = createIds({ now: () => 1 } as Clock, rng);
  const tails = Array.from({ length: 1_000 }, () => ids.uuid().slice(19));
  expect(tails[0]).toBe("8304-05060708090a");
  expect(tails[1]).toBe("8b0c-0d0e0f101112");
  expect(ids.token(4)).toHaveLength(6);
});
