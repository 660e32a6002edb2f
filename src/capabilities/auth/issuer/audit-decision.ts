/** What a person decided about a client, in the audit log: a consent, or a device's code. */
import type { CurrentUser } from "../accounts/find-current-user.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import type { AuthStore } from "../store.ts";

/** In the transaction of the decision. */
export function auditDecision(
  state: AuthState,
  store: AuthStore,
  caller: Caller,
  { user }: CurrentUser,
  action: string,
  asked: { readonly client_id: string; readonly scope: string },
): Promise<void> {
  const entry = {
    action,
    actorId: user.id,
    actorName: user.email ?? "",
    address: caller.address,
    traits: { client_id: asked.client_id, scope: asked.scope },
  };
  return store.audit(state.deps.ids.uuid(), entry, state.now());
}
