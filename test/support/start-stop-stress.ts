/**
 * Starts and stops a service in every order it may meet: stopped before started, twice, at once, in
 * random interleavings from a seed. After a `stop` nothing may run; after a `start` it must.
 */
import { expect } from "bun:test";
import type { Service } from "../../src/core/service.ts";
import { createSeededRng } from "./seeded-rng.ts";

export interface StressedService {
  readonly service: Service;
  /** Is its work going on now? */
  running(): boolean;
  /** Most of its work that ever went on at once. */
  mostAtOnce(): number;
  /** Lets time pass until started work has begun: a virtual clock's advance, or a poll. */
  settle(): Promise<void>;
}

const BUDGET_MS = 5_000;

export async function startStopStress(
  make: () => Promise<StressedService> | StressedService,
  seeds = 20,
): Promise<void> {
  for (const steps of [
    ["stop"],
    ["start", "start"],
    ["start", "stop", "stop"],
    ["stop", "start"],
  ]) {
    await play(await make(), steps, false);
  }
  for (let seed = 1; seed <= seeds; seed++) {
    const rng = createSeededRng(seed);
    const steps = Array.from({ length: 12 }, () => rng.pick(["start", "stop", "settle"]));
    await play(await make(), steps, true);
  }
}

async function play(stressed: StressedService, steps: readonly string[], together: boolean) {
  const { service } = stressed;
  const calls: Promise<void>[] = [];
  for (const step of steps) {
    const call =
      step === "start"
        ? service.start()
        : step === "stop"
          ? service.stop(BUDGET_MS)
          : stressed.settle();
    calls.push(call);
    if (!together || step === "settle") await call;
  }
  await Promise.all(calls);
  await service.start();
  await stressed.settle();
  expect(stressed.running()).toBe(true);
  await service.stop(BUDGET_MS);
  expect(stressed.running()).toBe(false);
  await stressed.settle();
  expect(stressed.running()).toBe(false);
  expect(stressed.mostAtOnce()).toBe(1);
}
