/**
 * The server's own background work. On one server of the installation: expired rows are swept, old
 * events dropped, and each event is written to the log once. On every server: a heartbeat, by which
 * `doctor` knows who shares the database.
 */
import type { Clock } from "../core/ports/clock.ts";
import type { Ids } from "../core/ports/ids.ts";
import type { Logger } from "../core/ports/log.ts";
import type { Service } from "../core/service.ts";
import type { TenantCtx } from "../core/tenant.ts";
import { EVENTS_TOPIC } from "../shared/events/events-topic.ts";
import { leaseService } from "../shared/leases/lease-service.ts";
import { leasedTimer } from "../shared/leases/leased-timer.ts";
import type { Tenants } from "../shared/tenants.ts";
import type { SharedParts } from "./boot/shared-parts.ts";

export interface HousekeepingOptions {
  readonly shared: SharedParts;
  readonly tenants: Tenants;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Logger;
  readonly version: string;
}

const LEASE_TTL_MS = 30_000;
const SWEEP_EVERY_MS = 300_000;
const EVENTS_KEPT_MS = 7 * 24 * 3_600_000;
const EVENT_POLL_MS = 60_000;
const EVENT_BATCH = 500;
const HEARTBEAT_EVERY_MS = 20_000;
const HEARTBEAT_TTL_MS = 60_000;

/** Keys of live servers in Kv. */
export const SERVERS_PREFIX = "server/";

export function housekeeping(options: HousekeepingOptions): Service[] {
  const holder = options.ids.uuid();
  const { clock, log, shared } = options;
  const perTenant = options.tenants.all().flatMap((tenant) => {
    const lease = { leases: shared.leases, tenant, holder, ttlMs: LEASE_TTL_MS, clock, log };
    return [
      leasedTimer({ ...lease, server: { instanceId: holder } }, tenant, {
        ...{ name: "server.sweeper", ttlMs: LEASE_TTL_MS, everyMs: SWEEP_EVERY_MS },
        work: () => sweep(shared, tenant),
      }),
      leaseService({
        ...lease,
        name: "server.event_log",
        run: (signal) => logEvents(options, tenant, signal),
      }),
    ];
  });
  return [heartbeat(options, holder), ...perTenant];
}

async function sweep({ sweepers, events }: SharedParts, tenant: TenantCtx): Promise<void> {
  for (const store of sweepers) await store.sweep(tenant);
  await events.trim(tenant, EVENTS_KEPT_MS);
}

async function logEvents(options: HousekeepingOptions, tenant: TenantCtx, signal: AbortSignal) {
  const { events, bus } = options.shared;
  let wake = Promise.withResolvers<void>();
  const ring = () => wake.resolve();
  const unsubscribe = await bus.subscribe(tenant, EVENTS_TOPIC, ring, ring);
  signal.addEventListener("abort", ring, { once: true });
  try {
    while (!signal.aborted) {
      wake = Promise.withResolvers<void>();
      while ((await logBatch(options, events, tenant)) === EVENT_BATCH && !signal.aborted);
      const cancel = options.clock.after(EVENT_POLL_MS, ring);
      await wake.promise;
      cancel();
    }
  } finally {
    await unsubscribe();
  }
}

async function logBatch(
  options: HousekeepingOptions,
  events: SharedParts["events"],
  tenant: TenantCtx,
): Promise<number> {
  const batch = await events.read(tenant, "log", EVENT_BATCH);
  for (const { id, type, subject, at } of batch) {
    options.log.info("event.recorded", { type, subject, id: id.toString(), at, tenant: tenant.id });
  }
  const last = batch.at(-1);
  if (last) await events.commit(tenant, "log", last.id);
  return batch.length;
}

function heartbeat(options: HousekeepingOptions, id: string): Service {
  const { kv } = options.shared;
  const key = `${SERVERS_PREFIX}${id}`;
  const value = new TextEncoder().encode(
    JSON.stringify({ pid: process.pid, version: options.version }),
  );
  const tenants = options.tenants.all();
  const putAll = async () => {
    for (const tenant of tenants) await kv.put(tenant, key, value, { ttlMs: HEARTBEAT_TTL_MS });
  };
  const report = (error: unknown) => options.log.warn("server.heartbeat_failed", { error });
  // One after the other: a beat that is still on its way must not come after the end.
  let last: Promise<void> = Promise.resolve();
  let cancel: (() => void) | undefined;
  const beat = () => {
    last = last.then(putAll).catch(report);
  };
  const deleteAll = async () => {
    // Started again meanwhile: it lives.
    if (cancel) return;
    for (const tenant of tenants) await kv.delete(tenant, key);
  };
  return {
    name: "server.heartbeat",
    scope: "process",
    async start() {
      if (cancel) return;
      cancel = options.clock.every(HEARTBEAT_EVERY_MS, beat);
      // Not waited for: a boot does not hang on it.
      beat();
    },
    async stop() {
      if (!cancel) return;
      cancel();
      cancel = undefined;
      last = last.then(deleteAll).catch(report);
      await last;
    },
  };
}
