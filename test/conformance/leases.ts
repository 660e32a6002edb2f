/** What every Leases adapter must do. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Leases } from "../../src/core/ports/leases.ts";
import type { OpenedClock } from "./opened.ts";

export interface OpenedLeases {
  readonly leases: Leases;
  readonly clock: OpenedClock;
  close(): Promise<void>;
}

const a = { id: "tenant-a" };
const b = { id: "tenant-b" };
const TTL = 30_000;

export function leasesConformance(name: string, open: () => Promise<OpenedLeases>): void {
  describe(`Leases (${name})`, () => {
    let opened: OpenedLeases;
    let leases: Leases;
    beforeAll(async () => {
      opened = await open();
      leases = opened.leases;
    });
    afterAll(() => opened?.close());

    test("one holder at a time; another gets it after release, with the next epoch", async () => {
      const one = await leases.acquire(a, "l1", "one", TTL);
      expect(one?.epoch).toBe(1n);
      expect(await leases.acquire(a, "l1", "two", TTL)).toBeNull();
      expect(await leases.holder(a, "l1")).toEqual({ holder: "one", epoch: 1n });
      await one?.release();
      expect(await leases.holder(a, "l1")).toBeNull();
      const two = await leases.acquire(a, "l1", "two", TTL);
      expect(two?.epoch).toBe(2n);
      expect(await one?.renew()).toBe(false);
      await one?.release();
      expect(await leases.holder(a, "l1")).toEqual({ holder: "two", epoch: 2n });
    });

    test("a lease lapses unless renewed, and cannot be renewed after that", async () => {
      const one = await leases.acquire(a, "l2", "one", TTL);
      await opened.clock.advance(20_000);
      expect(await one?.renew()).toBe(true);
      await opened.clock.advance(20_000);
      expect(await leases.acquire(a, "l2", "two", TTL)).toBeNull();
      await opened.clock.advance(20_000);
      expect(await leases.holder(a, "l2")).toBeNull();
      expect(await one?.renew()).toBe(false);
      const two = await leases.acquire(a, "l2", "two", TTL);
      expect(two?.epoch).toBe(2n);
      expect(await one?.renew()).toBe(false);
      expect(await two?.renew()).toBe(true);
    });

    test("a holder that asks again keeps its epoch while live, and gets a new one after a lapse", async () => {
      const first = await leases.acquire(a, "l3", "one", TTL);
      expect((await leases.acquire(a, "l3", "one", TTL))?.epoch).toBe(first?.epoch ?? -1n);
      await opened.clock.advance(TTL + 1_000);
      expect((await leases.acquire(a, "l3", "one", TTL))?.epoch).toBe((first?.epoch ?? 0n) + 1n);
      expect(await first?.renew()).toBe(false);
    });

    test("names and tenants are kept apart", async () => {
      expect(await leases.acquire(a, "l4", "one", TTL)).not.toBeNull();
      expect(await leases.acquire(b, "l4", "two", TTL)).not.toBeNull();
      expect(await leases.acquire(a, "l4-other", "two", TTL)).not.toBeNull();
      expect((await leases.holder(b, "l4"))?.holder).toBe("two");
    });

    test("of many that ask at once one gets it", async () => {
      for (let round = 1; round <= 5; round++) {
        const asked = Array.from({ length: 12 }, (_, i) => leases.acquire(a, "l5", `h${i}`, TTL));
        const got = (await Promise.all(asked)).filter((lease) => lease !== null);
        expect(got).toHaveLength(1);
        expect(got[0]?.epoch).toBe(BigInt(round));
        await got[0]?.release();
      }
    });

    test("a lease shorter than a second is refused", async () => {
      expect(leases.acquire(a, "l6", "one", 999)).rejects.toThrow(RangeError);
      expect(leases.acquire(a, "l6", "one", Number.NaN)).rejects.toThrow(RangeError);
    });
  });
}
