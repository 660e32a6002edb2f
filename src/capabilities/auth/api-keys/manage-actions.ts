/** `/auth/v1/approvals`: the single actions that keys wait for, and the decisions on them. */
import { isUuid } from "../accounts/find-current-user.ts";
import type { AuthState } from "../auth-state.ts";
import { type OrgActor, requireStrong, userIdOf } from "../orgs/actor.ts";
import { readOrg } from "../orgs/in-org.ts";
import { createActionStore } from "./action-store.ts";
import { keyErrors } from "./errors.ts";
import { withKey } from "./key-access.ts";
import type { KeyOwner } from "./schema.ts";

const LISTED_MAX = 200;
/** For the agent to come back. */
const APPROVED_MS = 3_600_000;

/** Of the caller's own keys, of those of `?org=`, or for the secret key of the project's. */
export async function listActions(state: AuthState, actor: OrgActor, query: URLSearchParams) {
  const list = async (owner: KeyOwner) => {
    const store = createActionStore(state.sql(actor.caller.tenant));
    const rows = await store.waiting(owner, state.now(), LISTED_MAX);
    const approvals = rows.map(({ status: _, created_at, expires_at, ...row }) => ({
      ...row,
      created_at: created_at.toISOString(),
      expires_at: expires_at.toISOString(),
    }));
    return { approvals };
  };
  const org = query.get("org");
  if (org === null) return list({ userId: userIdOf(actor), orgId: null });
  return readOrg(state, actor, org, "auth:keys:approve", (view) =>
    list({ userId: null, orgId: view.org.id }),
  );
}

/**
 * `POST …/{id}/approve` and `…/deny`. Whoever approves must hold what the key does.
 * @throws api_key_not_found, approval_not_waiting, org_escalation, insufficient_aal
 */
export async function decideAction(
  state: AuthState,
  actor: OrgActor,
  id: string,
  decision: "approved" | "denied",
): Promise<void> {
  requireStrong(state, actor);
  const sql = state.sql(actor.caller.tenant);
  const action = isUuid(id) ? await createActionStore(sql).find(id.toLowerCase()) : null;
  if (!action) throw keyErrors.api_key_not_found();
  await withKey(state, actor, action.key_id, "approve", async (access, key) => {
    access.requireScopes(key.scopes);
    const until = new Date(access.now.getTime() + APPROVED_MS);
    const store = createActionStore(access.tx);
    const isDecided = await store.decide(action.id, decision, until, access.now);
    if (!isDecided || key.status === "revoked") throw keyErrors.approval_not_waiting();
    const { method, target } = action;
    await access.record(`api_action_${decision}`, key, { approval_id: action.id, method, target });
  });
}
