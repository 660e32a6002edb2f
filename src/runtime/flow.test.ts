import { beforeEach, describe, expect, test } from "bun:test";
import { createSimClock } from "../../test/support/sim-clock.ts";
import { systemClock } from "../shared/clock.ts";
import {
  BODY_BYTES_PER_S,
  createBodyShare,
  createLinkFlow,
  createPace,
  LINK_BYTES_PER_S,
  LINK_FRAMES_PER_S,
  SERVED_MIN,
  SHARED_BYTES_PER_S,
  UNSHARED_BYTES,
} from "./flow.ts";
import { LINE_BYTES, readLines } from "./read-lines.ts";

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
  expect(waits.reduce((sum, ms) => sum + ms, 0)).toBe(13 + 2 * LINE_BYTES);
});

test("a flood of short lines is read some at a time", async () => {
  let taken = 0;
  const takenAtRest: number[] = [];
  const stream = new Blob(["x\n".repeat(1_500)]).stream();
  await readLines(stream, () => (taken += 1), {
    waitMs: () => 1,
    sleep: async () => void takenAtRest.push(taken),
  });
  expect(takenAtRest).toEqual([500, 1_000, 1_500, 1_500]);
});

test.each([
  ["frames", LINK_FRAMES_PER_S, (flow: ReturnType<typeof createLinkFlow>) => flow.countFrame],
  ["bytes", LINK_BYTES_PER_S, (flow: ReturnType<typeof createLinkFlow>) => flow.countBytes],
])("a link waits for the %s beyond what it may carry", (_, perS, counter) => {
  let now = 1_000;
  const flow = createLinkFlow({ ...systemClock, monotonic: () => now });
  now = 2_000;
  counter(flow)(perS / 10);
  expect([flow.waitMs(), flow.waitMs()]).toEqual([0, 0]);
  counter(flow)(perS / 2);
  expect([flow.waitMs(), flow.waitMs()]).toEqual([500, 0]);
  now = 2_500;
  counter(flow)(perS / 5);
  expect(flow.waitMs()).toBe(200);
});

test("bodies go on at once, and later when they were read faster than they may be", async () => {
  const clock = createSimClock();
  const flow = createLinkFlow(clock);
  let gone = 0;
  const read = (bytes: number) => flow.afterBody(bytes, bytes, () => (gone += 1));
  read(BODY_BYTES_PER_S / 10);
  read(1_000);
  expect(gone).toBe(2);
  read(BODY_BYTES_PER_S / 2);
  await clock.advance(499);
  expect(gone).toBe(2);
  await clock.advance(2);
  expect(gone).toBe(3);
});

describe("the share of long bodies", () => {
  let [now, requests] = [0, 0];
  beforeEach(() => {
    [now, requests] = [0, 0];
  });
  const share = (processors: number) =>
    createBodyShare({ monotonic: () => now }, () => requests, processors);
  const halfASecond = (more: number) => {
    now += 500;
    requests += more;
  };
  const second = 2 * SHARED_BYTES_PER_S;

  test("is all there is while hardly anybody else asks", () => {
    const { waitMs } = share(2);
    for (let n = 0; n < 4; n += 1) {
      expect(waitMs(second)).toBe(0);
      halfASecond(SERVED_MIN - 1);
    }
  });

  test("is 8 MiB a second for each processor while others are served, and they are looked for anew", () => {
    const { waitMs } = share(2);
    waitMs(0);
    halfASecond(SERVED_MIN);
    expect([waitMs(second / 10), waitMs(second / 2)]).toEqual([0, 500]);
    halfASecond(SERVED_MIN);
    expect(waitMs(second)).toBe(1_000);
    halfASecond(0);
    expect(waitMs(second)).toBe(0);
  });

  test("what came in a pause of all bodies says nothing", () => {
    const { waitMs } = share(2);
    waitMs(0);
    now = 60_000;
    requests = 1_000;
    expect(waitMs(second)).toBe(0);
  });

  test("is no more than one process may have, on however many processors", () => {
    const { waitMs } = share(64);
    waitMs(0);
    halfASecond(SERVED_MIN);
    expect(waitMs(BODY_BYTES_PER_S)).toBe(900);
  });
});

test("a body waits for its share once it is long, and for its process in any case", async () => {
  const clock = createSimClock();
  const flow = createLinkFlow(clock, { waitMs: () => 1_000 });
  let gone = 0;
  const read = (bytes: number, soFar: number) => flow.afterBody(bytes, soFar, () => (gone += 1));
  read(1_000, UNSHARED_BYTES);
  expect(gone).toBe(1);
  read(1_000, UNSHARED_BYTES + 1_000);
  await clock.advance(999);
  expect(gone).toBe(1);
  await clock.advance(2);
  expect(gone).toBe(2);
});
