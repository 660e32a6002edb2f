/** Work that is done again and again, on one server of the installation: a janitor, a rotation. */
import type { Clock } from "../../core/ports/clock.ts";
import type { Leases } from "../../core/ports/leases.ts";
import type { Logger } from "../../core/ports/log.ts";
import type { Service } from "../../core/service.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import { leaseService } from "./lease-service.ts";

interface TimerDeps {
  readonly leases: Leases;
  readonly server: { readonly instanceId: string };
  readonly clock: Clock;
  readonly log: Logger;
}

interface TimerOptions {
  /** Of the service and of the lease. */
  readonly name: string;
  /** Of the lease, >= 1,000. */
  readonly ttlMs: number;
  /** From the end of one time to the beginning of the next. */
  readonly everyMs: number;
  work(): Promise<void>;
}

export function leasedTimer(
  { leases, server, clock, log }: TimerDeps,
  tenant: TenantCtx,
  { name, ttlMs, everyMs, work }: TimerOptions,
): Service {
  const holder = server.instanceId;
  return leaseService({
    ...{ name, leases, tenant, holder, ttlMs, clock, log },
    async run(signal) {
      while (!signal.aborted) {
        await work();
        await clock.sleep(everyMs, signal);
      }
    },
  });
}
