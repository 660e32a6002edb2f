import { expect, test } from "bun:test";
import { DEFAULT_LIMITS } from "../../../test/runtime/runtime-call.ts";
import { createSimClock } from "../../../test/support/sim-clock.ts";
import type { FunctionSpec } from "../../core/ports/function-runtime.ts";
import { Callers } from "../callers.ts";
import type { Child } from "../child.ts";
import type { KillReason } from "../child-exit.ts";
import type { FullRuntimeOptions } from "../options.ts";
import type { ActiveCall } from "./active-call.ts";
import { Instance } from "./instance.ts";

function instanceOf() {
  const clock = createSimClock();
  const use = { cpuMs: 500, killed: null as KillReason | null };
  const turns: string[] = [];
  const child = {
    pid: 4_711,
    callers: new Callers(clock),
    usage: () => ({ memoryBytes: 1, threads: 1, cpuMs: use.cpuMs }),
    killed: () => use.killed,
    schedule: (when: string) => turns.push(when),
  } as unknown as Child;
  const spec = { limits: DEFAULT_LIMITS } as FunctionSpec;
  const instance = new Instance(spec, child, { clock } as unknown as FullRuntimeOptions);
  const uses = async (cpuMs: number) => {
    use.cpuMs += cpuMs;
    await clock.advance(50);
    instance.checkUsage();
  };
  return { instance, child, clock, use, turns, uses };
}

test("work that goes on for longer than a call may take after the last one is overdue", async () => {
  const { instance, child, clock, uses } = instanceOf();
  const { deadlineMs } = DEFAULT_LIMITS;
  const call = { call: {} } as ActiveCall;
  const isOverdue = () => instance.isOverdue(clock.monotonic());
  instance.enter(call);
  child.onBackground(1);
  await clock.advance(2 * deadlineMs);
  expect(isOverdue()).toBe(false);
  instance.leave(call);
  await clock.advance(deadlineMs - 1);
  child.onBackground(2);
  await clock.advance(1);
  expect(isOverdue()).toBe(false);
  await clock.advance(1);
  expect(isOverdue()).toBe(true);
  child.onBackground(0);
  expect(isOverdue()).toBe(false);
  for (const cpuMs of [0, 45]) await uses(cpuMs);
  expect(isOverdue()).toBe(true);
});

test("a process is old after a day and up to an hour", async () => {
  const { instance, clock } = instanceOf();
  const isOld = () => instance.isOld(clock.monotonic());
  await clock.advance(24 * 3_600_000);
  expect(isOld()).toBe(false);
  await clock.advance(3_600_000);
  expect(isOld()).toBe(true);
});

test("a process that computes comes late until it waits again", async () => {
  const { turns, uses } = instanceOf();
  for (const cpuMs of [0, 20]) await uses(cpuMs);
  expect(turns).toEqual([]);
  for (const cpuMs of [40, 90, 20]) await uses(cpuMs);
  expect(turns).toEqual(["late"]);
  for (const cpuMs of [0, 20]) await uses(cpuMs);
  expect(turns).toEqual(["late", "usual"]);
});

test.each([
  [{ kind: "memory" }, true],
  [{ kind: "threads" }, true],
  [{ kind: "disk" }, true],
  [{ kind: "link" }, true],
  [{ kind: "deadline", requestId: "1" }, false],
  [{ kind: "unresponsive" }, false],
  [{ kind: "ended" }, false],
  [null, false],
] as const)("that one ended by %j says of the next: %p", (killed, isAlike) => {
  const { instance, use } = instanceOf();
  instance.enter({ call: {} } as ActiveCall);
  use.killed = killed;
  expect(instance.endsAlike()).toBe(isAlike);
});

test("one that was gone before its first call will be again", () => {
  expect(instanceOf().instance.endsAlike()).toBe(true);
});
