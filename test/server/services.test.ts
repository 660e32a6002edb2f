/** The server's own services, started and stopped in every order they may meet. */
import { expect, test } from "bun:test";
import { DEFAULT_TENANT } from "../../src/core/tenant.ts";
import type { SharedParts } from "../../src/server/boot/shared-parts.ts";
import { housekeeping, SERVERS_PREFIX } from "../../src/server/housekeeping.ts";
import { eventLoopLagService } from "../../src/server/process-metrics.ts";
import { createMemoryBus } from "../../src/shared/bus/memory-bus.ts";
import { createMemoryEvents } from "../../src/shared/events/memory-events.ts";
import { createIds } from "../../src/shared/ids.ts";
import { createMemoryKv } from "../../src/shared/kv/memory-kv.ts";
import { createMemoryLeases } from "../../src/shared/leases/memory-leases.ts";
import { createMetrics } from "../../src/shared/metrics.ts";
import { singleTenant } from "../../src/shared/tenants.ts";
import { createMemoryLog } from "../support/memory-log.ts";
import { createSeededRng } from "../support/seeded-rng.ts";
import { createSimClock } from "../support/sim-clock.ts";
import { startStopStress } from "../support/start-stop-stress.ts";

test("the event loop's lag is measured while the service runs, by one timer", async () => {
  await startStopStress(() => {
    const clock = createSimClock();
    const metrics = createMetrics();
    let most = 0;
    const measured = () => {
      most = Math.max(most, clock.pending());
      return clock.pending() > 0;
    };
    return {
      service: eventLoopLagService(metrics, clock),
      running: measured,
      mostAtOnce: () => most,
      settle: async () => {
        measured();
        await clock.advance(600);
        measured();
      },
    };
  });
});

/** Everything the housekeeping stands on, in memory, with a Kv that takes its time. */
function createHousekeeping() {
  const clock = createSimClock();
  const kv = createMemoryKv(clock);
  const slow = async <T>(turns: number, work: () => Promise<T>): Promise<T> => {
    for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
    return work();
  };
  const bus = createMemoryBus(createMemoryLog());
  const log = createMemoryLog();
  const shared = {
    kv: {
      ...kv,
      put: (...args: Parameters<typeof kv.put>) => slow(40, () => kv.put(...args)),
      delete: (...args: Parameters<typeof kv.delete>) => slow(2, () => kv.delete(...args)),
    },
    bus,
    leases: createMemoryLeases(clock),
    events: createMemoryEvents(clock, bus),
    sweepers: [kv],
  } as unknown as SharedParts;
  const services = housekeeping({
    shared,
    tenants: singleTenant(),
    clock,
    ids: createIds(clock, createSeededRng(1)),
    log,
    version: "1",
  });
  const [heartbeat] = services;
  if (!heartbeat) throw new Error("no heartbeat");
  return { clock, kv, services, heartbeat };
}

test("the heartbeat is there while the server runs, and gone after it, however quickly", async () => {
  await startStopStress(async () => {
    const { clock, kv, heartbeat } = createHousekeeping();
    let beats = 0;
    const look = async () => {
      beats = (await kv.list(DEFAULT_TENANT, SERVERS_PREFIX)).length;
    };
    return {
      service: {
        ...heartbeat,
        async stop(budgetMs) {
          await heartbeat.stop(budgetMs);
          await look();
        },
      },
      running: () => beats > 0,
      mostAtOnce: () => 1,
      settle: async () => {
        await clock.advance(30_000);
        await look();
      },
    };
  });
});

test("a heartbeat on its way does not outlive the server that sent it", async () => {
  const { clock, kv, heartbeat } = createHousekeeping();
  await heartbeat.start();
  await heartbeat.stop(5_000);
  await clock.advance(1_000);
  expect(await kv.list(DEFAULT_TENANT, SERVERS_PREFIX)).toEqual([]);
});

test("everything started is stopped, and no timer stays", async () => {
  const { clock, services } = createHousekeeping();
  for (const service of services) await service.start();
  await clock.advance(10 * 60_000);
  for (const service of [...services].reverse()) {
    const stopping = service.stop(5_000);
    await clock.advance(0);
    await stopping;
  }
  await clock.advance(60_000);
  expect(clock.pending()).toBe(0);
});
