/** Audit entries of requests for codes: the same for who has an account and who has not. */
import type { AuthState, Caller } from "../auth-state.ts";
import type { UserRow } from "../schema.ts";
import type { AuthStore } from "../store.ts";

/** @param to the address or number, normalised. */
export function auditRequest(
  state: AuthState,
  store: AuthStore,
  caller: Caller,
  action: string,
  user: UserRow | null,
  to: string,
): Promise<void> {
  const entry = {
    action,
    actorId: caller.isService ? null : (user?.id ?? null),
    actorName: caller.isService ? "service_role" : to,
    address: caller.address,
    ...(user ? { traits: { user_id: user.id } } : {}),
  };
  return store.audit(state.deps.ids.uuid(), entry, state.now());
}
