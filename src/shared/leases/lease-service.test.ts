import { describe, expect, test } from "bun:test";
import { createMemoryLog } from "../../../test/support/memory-log.ts";
import { createSimClock, settle } from "../../../test/support/sim-clock.ts";
import { startStopStress } from "../../../test/support/start-stop-stress.ts";
import type { Lease, Leases } from "../../core/ports/leases.ts";
import { leaseService } from "./lease-service.ts";
import { createMemoryLeases } from "./memory-leases.ts";

const tenant = { id: "t" };
const TTL = 9_000;

function setUp(wrap: (leases: Leases) => Leases = (leases) => leases) {
  const clock = createSimClock();
  const shared = createMemoryLeases(clock);
  const log = createMemoryLog();
  let now = 0;
  let most = 0;
  const server = (holder: string, run?: (signal: AbortSignal, lease: Lease) => Promise<void>) => {
    const state = { running: false, runs: 0, epochs: [] as bigint[] };
    const untilAborted = async (signal: AbortSignal, lease: Lease) => {
      state.running = true;
      state.runs += 1;
      state.epochs.push(lease.epoch);
      most = Math.max(most, ++now);
      try {
        if (run) await run(signal, lease);
        else await clock.sleep(1e12, signal);
      } finally {
        state.running = false;
        now -= 1;
      }
    };
    const service = leaseService({
      ...{ name: "test.work", leases: wrap(shared), tenant, holder, ttlMs: TTL, clock, log },
      run: untilAborted,
    });
    return { service, state };
  };
  return { clock, shared, log, server, most: () => most };
}

/** Stops without a real timer having to pass. */
async function stop(service: { stop(ms: number): Promise<void> }) {
  await service.stop(5_000);
}

describe("a lease service", () => {
  test("runs on one server at a time and moves over when that one stops", async () => {
    const { clock, server, most } = setUp();
    const [one, two] = [server("one"), server("two")];
    await one.service.start();
    await settle();
    await two.service.start();
    await clock.advance(60_000);
    expect([one.state.running, two.state.running]).toEqual([true, false]);
    await stop(one.service);
    expect(one.state.running).toBe(false);
    await clock.advance(TTL / 3);
    expect(two.state.running).toBe(true);
    expect(two.state.epochs).toEqual([2n]);
    await stop(two.service);
    expect(most()).toBe(1);
    expect(clock.pending()).toBe(0);
  });

  test("ends the work before another can hold the lease when renewals hang", async () => {
    let hang = false;
    const { clock, server, most } = setUp((leases) => ({
      ...leases,
      async acquire(...args) {
        const lease = await leases.acquire(...args);
        if (!lease || args[2] !== "one") return lease;
        return { ...lease, renew: () => (hang ? new Promise(() => {}) : lease.renew()) };
      },
    }));
    const [one, two] = [server("one"), server("two")];
    await one.service.start();
    await clock.advance(10);
    await two.service.start();
    hang = true;
    await clock.advance(TTL * 2);
    expect(two.state.runs + one.state.runs).toBeGreaterThanOrEqual(2);
    expect(most()).toBe(1);
    await stop(one.service);
    await stop(two.service);
  });

  test("goes on through renewals that fail for less than the lease's time", async () => {
    let failures = 1;
    const { clock, server, log } = setUp((leases) => ({
      ...leases,
      async acquire(...args) {
        const lease = await leases.acquire(...args);
        return (
          lease && {
            ...lease,
            renew: () => (failures-- > 0 ? Promise.reject(new Error("down")) : lease.renew()),
          }
        );
      },
    }));
    const one = server("one");
    await one.service.start();
    await clock.advance(TTL * 5);
    expect(one.state.runs).toBe(1);
    expect(log.lines.map((l) => l.event)).toContain("lease.renewal_failed");
    await stop(one.service);
  });

  test("ends the work when the lease was taken, and does not release the taker's", async () => {
    const { clock, shared, server } = setUp();
    const one = server("one");
    await one.service.start();
    await settle();
    await (await shared.acquire(tenant, "test.work", "one", TTL))?.release();
    const thief = await shared.acquire(tenant, "test.work", "thief", 1e9);
    await clock.advance(TTL / 3 + 10);
    expect(one.state.running).toBe(false);
    await stop(one.service);
    expect(await shared.holder(tenant, "test.work")).toEqual({
      holder: "thief",
      epoch: thief?.epoch ?? -1n,
    });
  });

  test("work that fails is logged and begun again; the lease is free in between", async () => {
    const { clock, shared, server, log } = setUp();
    const one = server("one", () => Promise.reject(new Error("planted")));
    await one.service.start();
    await settle();
    expect(await shared.holder(tenant, "test.work")).toBeNull();
    await clock.advance(TTL);
    expect(one.state.runs).toBeGreaterThanOrEqual(3);
    expect(log.lines.some((l) => l.event === "lease.work_failed")).toBe(true);
    await stop(one.service);
  });

  test("stop returns within its budget though the work ignores its signal", async () => {
    const { clock, server, log, most } = setUp();
    let finish = () => {};
    const one = server("one", () => new Promise((resolve) => (finish = resolve)));
    await one.service.start();
    await settle();
    const stopping = one.service.stop(2_000);
    await clock.advance(2_000);
    await stopping;
    expect(log.lines.some((l) => l.event === "lease.stop_overran")).toBe(true);
    await one.service.start();
    await clock.advance(TTL * 3);
    expect(most()).toBe(1);
    finish();
    await clock.advance(TTL);
    expect(one.state.runs).toBe(2);
    const last = one.service.stop(2_000);
    finish();
    await last;
  });

  test("withstands start and stop in every order", async () => {
    await startStopStress(() => {
      const { clock, server, most } = setUp();
      const one = server("one");
      return {
        service: one.service,
        running: () => one.state.running,
        mostAtOnce: most,
        settle: () => clock.advance(TTL),
      };
    });
  });
});
