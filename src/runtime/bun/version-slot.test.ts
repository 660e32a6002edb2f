/** When a slot opens processes, with processes that are none and a clock that is moved. */
import { expect, test } from "bun:test";
import { DEFAULT_LIMITS } from "../../../test/runtime/runtime-call.ts";
import { createSimClock, settle } from "../../../test/support/sim-clock.ts";
import type { FunctionSpec } from "../../core/ports/function-runtime.ts";
import type { FullRuntimeOptions } from "../options.ts";
import type { ActiveCall } from "./active-call.ts";
import type { Instance } from "./instance.ts";
import { FIRST_PAUSE_MS, FORGET_MS } from "./restart-pace.ts";
import { VersionSlot } from "./version-slot.ts";

/** @param alike whether the processes end as the next one will */
function slotOf({ min = 0, max = 1, deadlineMs = 50_000, alike = true, more = {} } = {}) {
  const clock = createSimClock();
  const opened: { dead: boolean; instance: Instance }[] = [];
  const open = async () => {
    const calls = new Set<unknown>();
    const one = { dead: false } as (typeof opened)[number];
    one.instance = {
      calls,
      usable: () => !one.dead,
      hasRoom: () => calls.size < spec.limits.concurrency,
      enter: (call: unknown) => calls.add(call),
      endsAlike: () => alike,
    } as unknown as Instance;
    opened.push(one);
    return one.instance;
  };
  const spec = {
    name: "hog",
    limits: { ...DEFAULT_LIMITS, deadlineMs, ...more },
    instances: { min, max },
  } as FunctionSpec;
  const slot = new VersionSlot(spec, { clock } as unknown as FullRuntimeOptions, open);
  const enter = async () => {
    const call = { controller: { onAbort: () => undefined } } as unknown as ActiveCall;
    return await slot.enter(call);
  };
  /** Kills the last one, and has its exit seen unless it is told not to. */
  const end = (isSeen = true) => {
    const last = opened.at(-1);
    if (!last) throw new Error("there is none");
    last.dead = true;
    if (!isSeen) return;
    slot.leftBy(last.instance);
    slot.pump();
    slot.keepReady();
  };
  return { slot, clock, opened, enter, end };
}

test("after the first end a call has its process at once, after the second it waits", async () => {
  const { clock, opened, enter, end } = slotOf();
  for (let n = 1; n <= 2; n += 1) {
    await enter();
    expect(opened).toHaveLength(n);
    end();
  }
  const waiting = enter();
  await clock.advance(FIRST_PAUSE_MS - 1);
  expect(opened).toHaveLength(2);
  await clock.advance(2);
  expect(await waiting).toMatchObject({ cold: true });
  expect(opened).toHaveLength(3);
});

test("a process that was killed and is not gone yet counts, and once", async () => {
  const { slot, clock, opened, enter, end } = slotOf();
  await enter();
  end();
  await enter();
  end(false);
  void enter();
  await settle();
  expect(opened).toHaveLength(2);
  for (const { instance } of opened) slot.leftBy(instance);
  await clock.advance(FIRST_PAUSE_MS + 1);
  expect(opened).toHaveLength(3);
});

test("ends of another kind cost no pause", async () => {
  const { opened, enter, end } = slotOf({ alike: false });
  for (let n = 1; n <= 5; n += 1) {
    await enter();
    expect(opened).toHaveLength(n);
    end();
  }
});

test("who would wait longer than its deadline is told when to come again", async () => {
  const { enter, end } = slotOf({ deadlineMs: FIRST_PAUSE_MS });
  for (const _ of [1, 2]) {
    await enter();
    end();
  }
  await expect(enter()).rejects.toMatchObject({
    status: 503,
    code: "function_paused",
    headers: { "Retry-After": "1" },
  });
});

test("those that are to be kept ready are made again at that pace, not without end", async () => {
  const { slot, clock, opened, end } = slotOf({ min: 1 });
  slot.keepReady();
  for (let n = 1; n <= 2; n += 1) {
    await settle();
    expect(opened).toHaveLength(n);
    end();
  }
  await settle();
  expect(opened).toHaveLength(2);
  await clock.advance(FIRST_PAUSE_MS + 1);
  expect(opened).toHaveLength(3);
});

test("who comes when one process is full has a place in those that are yet to come, too", async () => {
  const more = { concurrency: 2, queue: 1 };
  const { enter, opened } = slotOf({ max: 2, more });
  await enter();
  const states = Array<string>(7).fill("waits");
  for (const at of states.keys()) {
    enter().then(
      () => states.splice(at, 1, "in"),
      (error: unknown) => states.splice(at, 1, (error as { code: string }).code),
    );
  }
  await settle();
  expect(opened).toHaveLength(2);
  expect(states).toEqual(["in", "in", "in", "waits", ...Array(3).fill("function_busy")]);
});

test("an empty slot is kept as long as it knows of an end", async () => {
  const { slot, clock, enter, end } = slotOf();
  expect(slot.empty()).toBe(true);
  await enter();
  end();
  expect(slot.empty()).toBe(false);
  await clock.advance(FORGET_MS + 1);
  expect(slot.empty()).toBe(true);
});

test("one that is retired is not kept for that: its version may come again", async () => {
  const { slot, enter, end } = slotOf();
  await enter();
  end();
  slot.retire();
  expect(slot.empty()).toBe(true);
});
