/** The timer of the signing keys: one for a tenant, on whichever server holds its lease. */
import type { Service } from "../../../core/service.ts";
import type { TenantCtx } from "../../../core/tenant.ts";
import { leasedTimer } from "../../../shared/leases/leased-timer.ts";
import type { AuthState } from "../auth-state.ts";
import { tendSigningKeys } from "./rotate-keys.ts";

const LEASE_MS = 30_000;
/** A rotation that is due waits at most this long; a ring that needs nothing costs one read. */
const EVERY_MS = 60_000;

export function keyRotator(state: AuthState, tenant: TenantCtx): Service {
  return leasedTimer(state.deps, tenant, {
    ...{ name: "auth.key_rotator", ttlMs: LEASE_MS, everyMs: EVERY_MS },
    work: () => tendSigningKeys(state, tenant),
  });
}
