/** Leases in this process: a single server, or several simulated ones that share the value. */
import type { Clock } from "../../core/ports/clock.ts";
import type { Lease, Leases } from "../../core/ports/leases.ts";
import { PerTenant } from "../per-tenant.ts";
import { checkTtl } from "./lease-rules.ts";

interface Held {
  holder: string | null;
  epoch: bigint;
  /** Monotonic milliseconds. */
  expiresAt: number;
}

export function createMemoryLeases(clock: Clock): Leases {
  const tables = new PerTenant(() => new Map<string, Held>());
  const isLive = (held: Held): boolean =>
    held.holder !== null && held.expiresAt > clock.monotonic();
  return {
    async acquire(tenant, name, holder, ttlMs) {
      checkTtl(ttlMs);
      const table = tables.of(tenant);
      const held = table.get(name) ?? { holder: null, epoch: 0n, expiresAt: 0 };
      const live = isLive(held);
      if (live && held.holder !== holder) return null;
      if (!live) held.epoch += 1n;
      held.holder = holder;
      held.expiresAt = clock.monotonic() + ttlMs;
      table.set(name, held);
      return leaseOn(held, name, holder, ttlMs);
    },
    async holder(tenant, name) {
      const held = tables.of(tenant).get(name);
      if (!held || held.holder === null || !isLive(held)) return null;
      return { holder: held.holder, epoch: held.epoch };
    },
  };

  function leaseOn(held: Held, name: string, holder: string, ttlMs: number): Lease {
    const epoch = held.epoch;
    const isMine = () => isLive(held) && held.holder === holder && held.epoch === epoch;
    return {
      name,
      epoch,
      async renew() {
        if (!isMine()) return false;
        held.expiresAt = clock.monotonic() + ttlMs;
        return true;
      },
      async release() {
        if (isMine()) held.holder = null;
      },
    };
  }
}
