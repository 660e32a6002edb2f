/** The session that comes with a new account. The audit entry of the account stands for it. */
import type { AuthState, Caller } from "../auth-state.ts";
import type { SignedIn } from "../flows/sign-in-by-flow.ts";
import { startSession } from "../sessions/issue-session.ts";
import type { AuthStore } from "../store.ts";
import type { CreatedUser } from "./create-user.ts";

/** In the transaction that makes the account. @param method as in `amr`. */
export async function firstSession(
  state: AuthState,
  store: AuthStore,
  caller: Caller,
  { user, identities }: CreatedUser,
  method: string,
): Promise<SignedIn> {
  const now = state.now();
  const issued = await startSession(state, store, caller, user.id, method);
  const patched = await store.updateUser(user.id, { last_sign_in_at: now, updated_at: now });
  return { user: patched ?? user, identities, issued };
}
