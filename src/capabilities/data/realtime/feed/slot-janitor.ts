/**
 * Drops slots that nobody reads any more: they keep the write-ahead log, and in the end the disk, for a
 * reader that does not come. That of this database after the length of the window, when no server
 * holds the feed; one of another database, whose installation may be dead, after a day.
 */
import type { Clock } from "../../../../core/ports/clock.ts";
import type { Leases } from "../../../../core/ports/leases.ts";
import type { Logger } from "../../../../core/ports/log.ts";
import type { Service } from "../../../../core/service.ts";
import type { TenantCtx } from "../../../../core/tenant.ts";
import type { DataRoom } from "../../room.ts";
import { dropSlot, readSlots, type SlotState } from "./slot-store.ts";
import { FEED_LEASE } from "./supply.ts";

export interface SlotJanitorDeps {
  roomOf(tenant: TenantCtx): DataRoom | Promise<DataRoom>;
  tenants(): readonly TenantCtx[];
  readonly leases: Leases;
  readonly clock: Clock;
  readonly log: Logger;
}

const EVERY_MS = 30_000;
const FOREIGN_MS = 24 * 3600 * 1000;

export class SlotJanitor {
  readonly #deps: SlotJanitorDeps;
  /** Since when each slot was seen idle without a break, monotonic. */
  readonly #idleSince = new Map<string, number>();
  readonly service: Service;
  #stop: (() => void) | null = null;

  constructor(deps: SlotJanitorDeps) {
    this.#deps = deps;
    this.service = {
      name: "data.slot_janitor",
      scope: "process",
      start: async () => {
        this.#stop ??= deps.clock.every(EVERY_MS, () => void this.sweepAll());
      },
      stop: async () => {
        this.#stop?.();
        this.#stop = null;
      },
    };
  }

  async sweepAll(): Promise<void> {
    for (const tenant of this.#deps.tenants()) {
      try {
        await this.#sweep(tenant);
      } catch (error) {
        this.#deps.log.debug("realtime.slots_unchecked", { tenant: tenant.id, error });
      }
    }
  }

  async #sweep(tenant: TenantCtx): Promise<void> {
    const { roomOf, leases, clock, log } = this.#deps;
    const room = await roomOf(tenant);
    if (room.isForeign) return;
    const { system } = room.databases.for(tenant);
    const isHeld = (await leases.holder(tenant, FEED_LEASE)) !== null;
    for (const slot of await readSlots(system)) {
      const isIdle = slot.activePid === null && !(slot.isOwn && isHeld);
      if (!isIdle) {
        this.#idleSince.delete(slot.name);
        continue;
      }
      const sinceMs = this.#idleSince.get(slot.name) ?? clock.monotonic();
      this.#idleSince.set(slot.name, sinceMs);
      const idleMs = clock.monotonic() - sinceMs;
      if (idleMs < graceMs(slot, room.config.realtime_window_ms)) continue;
      await dropSlot(system, slot.name);
      this.#idleSince.delete(slot.name);
      log.warn("realtime.slot_abandoned", { slot: slot.name, own: slot.isOwn });
    }
  }
}

/** One that is lost serves nobody, and another database's owner makes a new one. */
function graceMs({ isOwn, isLost }: SlotState, windowMs: number): number {
  return isOwn || isLost ? windowMs : FOREIGN_MS;
}
