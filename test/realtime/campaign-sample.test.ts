/** A small run of the realtime campaign, and that it would see what it looks for. */
import { expect, test } from "bun:test";
import { type RealtimePlant, realtimeLoad } from "../support/realtime-load.ts";

const run = (plant: RealtimePlant | null, rounds: number) =>
  realtimeLoad({
    ...{ subscribers: 60, policies: 10, writers: 4, changesPerRound: 100 },
    ...{ rounds, slowShare: 0.1, seed: 11, plant },
  });

test("two servers, killed in turn: nothing is missed silently, nothing forbidden is shown", async () => {
  const report = await run(null, 2);
  expect(report.faults).toEqual([]);
  expect(report.told).toBeGreaterThan(100);
  expect(report.reconnects).toBeGreaterThan(0);
  expect(report.cutOff).toBeGreaterThan(0);
}, 180_000);

test.each(["open-policies", "deaf"] as const)(
  "the plant %s is found",
  async (plant) => {
    expect((await run(plant, 1)).faults.length).toBeGreaterThan(0);
  },
  180_000,
);
