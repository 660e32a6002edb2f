/** Audit entries of requests for codes: the same for who has an account and who has not. */
import type { AuthState, Caller } from "../auth-state.ts";
import { audit, SERVICE } from "../record.ts";
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
  const by = caller.isService ? SERVICE : { id: user?.id ?? null, name: to };
  return audit(state, store, caller, by, action, user ? { user_id: user.id } : undefined);
}
