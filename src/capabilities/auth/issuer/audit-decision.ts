/** What a person decided about a client, in the audit log: a consent, or a device's code. */
import type { CurrentUser } from "../accounts/find-current-user.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { actorOf, audit } from "../record.ts";
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
  const { client_id, scope } = asked;
  return audit(state, store, caller, actorOf(user), action, { client_id, scope });
}
