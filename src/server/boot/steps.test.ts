import { expect, test } from "bun:test";
import { createMemoryLog } from "../../../test/support/memory-log.ts";
import { createSimClock } from "../../../test/support/sim-clock.ts";
import { createBootSteps } from "./steps.ts";

function bench() {
  const clock = createSimClock();
  const log = createMemoryLog();
  return { clock, log, steps: createBootSteps(clock, log) };
}

test("each step is timed, in order, and hands on what it made", async () => {
  const { clock, steps } = bench();
  expect(await steps.run("first", async () => clock.advance(12.34).then(() => "made"))).toBe(
    "made",
  );
  await steps.run("second", () => undefined);
  expect(steps.done).toEqual([
    { name: "first", ms: 12.3 },
    { name: "second", ms: 0 },
  ]);
});

test("all is undone in reverse and once, sharing a budget of which each gets a little", async () => {
  const { clock, steps } = bench();
  const seen: [string, number][] = [];
  for (const name of ["postgres", "pools", "listener"]) {
    steps.onClose(name, async (budgetMs) => {
      seen.push([name, budgetMs]);
      await clock.advance(2_000);
    });
  }
  await steps.closeAll(3_000);
  await steps.closeAll(3_000);
  expect(seen).toEqual([
    ["listener", 3_000],
    ["pools", 1_500],
    ["postgres", 1_500],
  ]);
});

test("one that fails or hangs is logged and keeps nobody from ending", async () => {
  const { clock, log, steps } = bench();
  const seen: string[] = [];
  steps.onClose("postgres", async () => void seen.push("postgres"));
  steps.onClose("hanging", () => new Promise(() => undefined));
  steps.onClose("failing", () => Promise.reject(new Error("no")));
  const closing = steps.closeAll(2_000);
  await clock.advance(3_001);
  await closing;
  expect(seen).toEqual(["postgres"]);
  expect(log.lines.map(({ event, fields }) => [event, fields["part"]])).toEqual([
    ["server.close_failed", "failing"],
    ["server.close_overran", "hanging"],
  ]);
  expect(clock.pending()).toBe(0);
});
