/** Background work of channels: silent sockets are closed, old messages are deleted. */
import type { Leases } from "../../../../core/ports/leases.ts";
import type { Service } from "../../../../core/service.ts";
import type { TenantCtx } from "../../../../core/tenant.ts";
import { leasedTimer } from "../../../../shared/leases/leased-timer.ts";
import { purgeMessages } from "./message-store.ts";
import type { ChannelRoom } from "./room.ts";

const SWEEP_MS = 5_000;
const JANITOR_MS = 10 * 60_000;
const LEASE_MS = 60_000;
const BATCH = 1_000;

interface TaskDeps {
  readonly leases: Leases;
  readonly server: { readonly instanceId: string };
  tenants(): readonly TenantCtx[];
}

export function channelServices(room: ChannelRoom, deps: TaskDeps): Service[] {
  const janitors = deps.tenants().map((tenant) => messageJanitor(room, tenant, deps));
  return [socketSweep(room, () => deps.tenants()), ...janitors];
}

/** Closes sockets without a heartbeat, while it runs; ends by telling the other servers. */
function socketSweep(room: ChannelRoom, tenants: () => readonly TenantCtx[]): Service {
  let cancel: (() => void) | null = null;
  return {
    name: "data.realtime_sockets",
    scope: "process",
    async start() {
      cancel ??= room.clock.every(SWEEP_MS, () => {
        const since = room.clock.monotonic() - room.config.realtime_heartbeat_timeout_s * 1000;
        for (const tenant of tenants()) {
          for (const session of [...room.sessionsOf(tenant)]) session.endIfSilent(since);
        }
      });
    },
    async stop() {
      cancel?.();
      cancel = null;
      await room.close();
    },
  };
}

/** Deletes what is older than `realtime_messages_keep_s`; the count. */
export async function sweepMessages(room: ChannelRoom, tenant: TenantCtx): Promise<number> {
  const { system } = room.databases.for(tenant);
  let total = 0;
  for (;;) {
    const count = await purgeMessages(system, room.config.realtime_messages_keep_s, BATCH);
    total += count;
    if (count < BATCH) return total;
  }
}

/** One janitor a tenant, on whichever server holds its lease. */
function messageJanitor(room: ChannelRoom, tenant: TenantCtx, deps: TaskDeps): Service {
  const { clock, log } = room;
  return leasedTimer({ ...deps, clock, log }, tenant, {
    ...{ name: "data.realtime_janitor", ttlMs: LEASE_MS, everyMs: JANITOR_MS },
    async work() {
      const count = await sweepMessages(room, tenant);
      if (count > 0) log.info("realtime.messages_swept", { tenant: tenant.id, count });
    },
  });
}
