/** A few seeded rounds of the crash campaign, and the proof that its loop would see a broken promise. */
import { expect, test } from "bun:test";
import { type CrashOptions, crashLoop } from "../support/crash-loop.ts";
import { executableBench } from "../support/executable-bench.ts";

const bench = executableBench();

const order = (more: Partial<CrashOptions>): CrashOptions => ({
  program: bench.program,
  folder: bench.folder(),
  rounds: 5,
  rowsPerRound: 100,
  seed: 42,
  plant: null,
  ...more,
});

test("each process killed under load: no acknowledged row is lost, no transaction is halved, nobody is orphaned", async () => {
  const { rounds, acknowledged, faults } = await crashLoop(order({}));
  expect(rounds.map(({ victim }) => victim)).toEqual([
    "server",
    "postmaster",
    "backend",
    "runner",
    "everything",
  ]);
  expect(rounds.flatMap(({ orphans }) => orphans)).toEqual([]);
  expect(acknowledged).toBeGreaterThanOrEqual(500);
  expect(faults).toEqual([]);
});

test.each(["sync-off", "early-ack"] as const)(
  "the loop finds rows lost when %s is planted",
  async (plant) => {
    const { faults } = await crashLoop(order({ plant, rounds: 3 }));
    expect(faults.join()).toMatch(/^\d+ lost/);
  },
);
