import { expect, test } from "bun:test";
import { createMemoryLog } from "../../test/support/memory-log.ts";
import { createSimClock } from "../../test/support/sim-clock.ts";
import { createShutdown } from "./shutdown.ts";

function bench(stop: (budgetMs: number) => Promise<void>) {
  const clock = createSimClock();
  const log = createMemoryLog();
  let stops = 0;
  const shutdown = createShutdown({
    clock,
    log,
    budgetMs: 1_000,
    stop: (budgetMs) => {
      stops += 1;
      return stop(budgetMs);
    },
  });
  return { clock, log, shutdown, stops: () => stops };
}

test("a request stops everything within the budget and ends with 0", async () => {
  const budgets: number[] = [];
  const { shutdown, clock } = bench(async (ms) => void budgets.push(ms));
  shutdown.request("SIGTERM");
  expect(await shutdown.ended).toBe(0);
  expect(budgets).toEqual([1_000]);
  expect(clock.pending()).toBe(0);
});

test("a second request does not wait, and does not stop twice", async () => {
  const { shutdown, stops, log } = bench(() => new Promise(() => undefined));
  shutdown.request("SIGINT");
  shutdown.request("SIGINT");
  expect(await shutdown.ended).toBe(1);
  expect(stops()).toBe(1);
  expect(log.lines.map(({ event }) => event)).toEqual(["server.stopping", "server.stop_forced"]);
});

test("what does not stop is given up some time after the budget", async () => {
  const { shutdown, clock, log } = bench(() => new Promise(() => undefined));
  shutdown.request("SIGTERM");
  await clock.advance(5_999);
  expect(log.lines.some(({ event }) => event === "server.stop_overdue")).toBe(false);
  await clock.advance(2);
  expect(await shutdown.ended).toBe(1);
});

test("a failure to stop ends with 1 and is logged with its cause", async () => {
  const error = new Error("the disk is gone");
  const { shutdown, log } = bench(() => Promise.reject(error));
  shutdown.request("SIGTERM");
  expect(await shutdown.ended).toBe(1);
  expect(log.lines.find(({ event }) => event === "server.stop_failed")?.fields).toEqual({ error });
});
