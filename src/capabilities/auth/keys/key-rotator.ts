/** The timer of the signing keys: one for a tenant, on whichever server holds its lease. */
import type { Service } from "../../../core/service.ts";
import type { TenantCtx } from "../../../core/tenant.ts";
import { leaseService } from "../../../shared/leases/lease-service.ts";
import type { AuthState } from "../auth-state.ts";
import { tendSigningKeys } from "./rotate-keys.ts";

const LEASE_MS = 30_000;
/** A rotation that is due waits at most this long; a ring that needs nothing costs one read. */
const EVERY_MS = 60_000;

export function keyRotator(state: AuthState, tenant: TenantCtx): Service {
  const { clock, leases, log, server } = state.deps;
  return leaseService({
    name: "auth.key_rotator",
    leases,
    tenant,
    holder: server.instanceId,
    ttlMs: LEASE_MS,
    clock,
    log,
    async run(signal) {
      while (!signal.aborted) {
        await tendSigningKeys(state, tenant);
        await clock.sleep(EVERY_MS, signal);
      }
    },
  });
}
