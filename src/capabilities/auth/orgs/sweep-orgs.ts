/** Deletes invitations that have ended, and changes that no living token is older than. */
import type { TenantCtx } from "../../../core/tenant.ts";
import type { AuthState } from "../auth-state.ts";
import { createInvitationStore } from "./invitation-store.ts";
import { createOrgStore } from "./store.ts";

/** A token's longest life, so that servers with another setting keep what they need. */
const CHANGES_KEPT_MS = 8 * 24 * 3_600_000;

export async function sweepOrgs(state: AuthState, tenant: TenantCtx): Promise<void> {
  const sql = state.sql(tenant);
  const now = state.now();
  await createInvitationStore(sql).purgeInvitations(now);
  await createOrgStore(sql).purgeChanges(new Date(now.getTime() - CHANGES_KEPT_MS));
}
