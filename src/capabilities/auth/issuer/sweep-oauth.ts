/**
 * Deletes what the OAuth server no longer needs: requests and device codes once their reuse cannot
 * matter any more, and clients that registered themselves and were never used.
 */
import type { TenantCtx } from "../../../core/tenant.ts";
import type { AuthState } from "../auth-state.ts";
import { authorizationStore } from "./authorize/authorization-store.ts";
import { clientStore } from "./clients/client-store.ts";

const BATCH = 1000;

/** The count. */
export async function sweepOAuth(state: AuthState, tenant: TenantCtx): Promise<number> {
  const { config } = state;
  const ago = (seconds: number) => new Date(state.now().getTime() - seconds * 1000);
  const sql = state.sql(tenant);
  const requests = authorizationStore(sql);
  let total = await clientStore(sql).removeUnused(ago(config.oauth_server.dynamic_client_unused_s));
  for (;;) {
    const count = await requests.purge(state.now(), ago(config.refresh_token_keep_s), BATCH);
    total += count;
    if (count < BATCH) return total;
  }
}
