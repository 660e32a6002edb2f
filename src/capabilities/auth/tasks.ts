/** Background work of identity. */
import type { Service } from "../../core/service.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import { leasedTimer } from "../../shared/leases/leased-timer.ts";
import { trimAuditLog } from "./admin/trim-audit.ts";
import { createActionStore } from "./api-keys/action-store.ts";
import type { AuthState } from "./auth-state.ts";
import { sweepFactors } from "./factors/sweep-factors.ts";
import { sweepFlows } from "./flows/flow-state.ts";
import { sweepOAuth } from "./issuer/sweep-oauth.ts";
import { sweepTokens } from "./mailed/one-time-token.ts";
import { sweepOrgs } from "./orgs/sweep-orgs.ts";
import { createStore } from "./store.ts";
import { createBrowserStore } from "./ui/browser-store.ts";

const BATCH = 1000;
const EVERY_MS = 15 * 60 * 1000;
const LEASE_MS = 60_000;

/** Deletes spent refresh tokens and ended sessions that are past `auth.refresh_token_keep_s`; the count. */
export async function sweepSessions(state: AuthState, tenant: TenantCtx): Promise<number> {
  const before = new Date(state.now().getTime() - state.config.refresh_token_keep_s * 1000);
  const { session_inactivity_s: idleS } = state.config;
  const idleSince = idleS > 0 ? new Date(before.getTime() - idleS * 1000) : null;
  const store = createStore(state.sql(tenant));
  const browsers = createBrowserStore(state.sql(tenant));
  let total = 0;
  for (;;) {
    const count =
      (await store.purge(before, BATCH, idleSince)) + (await browsers.purge(state.now(), BATCH));
    total += count;
    if (count < BATCH) return total;
  }
}

/** One janitor a tenant, on whichever server holds its lease. */
export function sessionJanitor(state: AuthState, tenant: TenantCtx): Service {
  const { log } = state.deps;
  return leasedTimer(state.deps, tenant, {
    ...{ name: "auth.session_janitor", ttlMs: LEASE_MS, everyMs: EVERY_MS },
    async work() {
      const count = await sweepSessions(state, tenant);
      await sweepFlows(state, state.sql(tenant), BATCH);
      await sweepTokens(state, state.sql(tenant));
      await sweepOAuth(state, tenant);
      await sweepOrgs(state, tenant);
      await createActionStore(state.sql(tenant)).purge(state.now());
      if (count > 0) log.info("auth.sessions_swept", { tenant: tenant.id, count });
      const factors = await sweepFactors(state, tenant);
      if (factors > 0) log.info("auth.factors_swept", { tenant: tenant.id, count: factors });
      const entries = await trimAuditLog(state, tenant);
      if (entries > 0) log.info("auth.audit_trimmed", { tenant: tenant.id, count: entries });
    },
  });
}
