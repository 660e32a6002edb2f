import { expect, test } from "bun:test";
import { createMemoryLog } from "../../test/support/memory-log.ts";
import { createSimClock } from "../../test/support/sim-clock.ts";
import type { Service } from "../core/service.ts";
import { createServiceRunner } from "./service-runner.ts";

function bench(faults: { start?: string; stop?: string } = {}, stopTakesMs = 0) {
  const clock = createSimClock();
  const log = createMemoryLog();
  const calls: string[] = [];
  const service = (name: string): Service => ({
    name,
    scope: "process",
    async start() {
      if (faults.start === name) throw new Error(`${name} does not start`);
      calls.push(`start ${name}`);
    },
    async stop(budgetMs) {
      calls.push(`stop ${name} in ${budgetMs}`);
      if (faults.stop === name) throw new Error(`${name} does not stop`);
      await clock.advance(stopTakesMs);
    },
  });
  const runner = createServiceRunner(["a", "b", "c"].map(service), clock, log);
  return { runner, calls, log };
}

test("services start in order and stop in reverse, sharing the budget", async () => {
  const { runner, calls } = bench({}, 300);
  await runner.start();
  await runner.stop(1_000);
  expect(calls).toEqual([
    "start a",
    "start b",
    "start c",
    "stop c in 1000",
    "stop b in 700",
    "stop a in 400",
  ]);
});

test("one that does not start stops those before it, and nothing else", async () => {
  const { runner, calls } = bench({ start: "c" });
  await expect(runner.start()).rejects.toThrow("c does not start");
  expect(calls).toEqual(["start a", "start b", "stop b in 5000", "stop a in 5000"]);
});

test("one that does not stop is logged and holds up no other", async () => {
  const { runner, calls, log } = bench({ stop: "b" });
  await runner.start();
  await runner.stop(1_000);
  expect(calls.slice(3)).toEqual(["stop c in 1000", "stop b in 1000", "stop a in 1000"]);
  expect(log.lines).toMatchObject([{ event: "service.stop_failed", fields: { service: "b" } }]);
});

test("stopping twice stops once, and before the start nothing", async () => {
  const { runner, calls } = bench();
  await runner.stop(100);
  expect(calls).toEqual([]);
  await runner.start();
  await runner.stop(100);
  await runner.stop(100);
  expect(calls.filter((call) => call.startsWith("stop"))).toHaveLength(3);
});

test("one that hangs is left behind when its time is over", async () => {
  const clock = createSimClock();
  const log = createMemoryLog();
  const stopped: string[] = [];
  const service = (name: string, stop: () => Promise<void>): Service => ({
    name,
    scope: "process",
    start: () => Promise.resolve(),
    stop,
  });
  const good = service("good", async () => void stopped.push("good"));
  const hanging = service("hanging", () => new Promise(() => undefined));
  const runner = createServiceRunner([good, hanging], clock, log);
  await runner.start();
  const stopping = runner.stop(1_000);
  await clock.advance(1_501);
  await stopping;
  expect(stopped).toEqual(["good"]);
  expect(log.lines).toMatchObject([
    { event: "service.stop_overran", fields: { service: "hanging" } },
  ]);
});
