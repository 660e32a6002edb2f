/**
 * A sign-up with an address that has signed up before and was never confirmed. Who comes back with
 * the same password is the same person. Otherwise there are two, and which of them reads mail at the
 * address is not known yet: whoever confirms it gets an account without a password and without
 * anything that the other may have left in it, so that neither can wait inside for the other.
 */
import type { AuthState, Caller } from "../auth-state.ts";
import { actorOf, audit } from "../record.ts";
import type { UserRow } from "../schema.ts";
import type { AuthStore } from "../store.ts";

/**
 * True for an account that somebody has been in, or can get into otherwise (by a number, a provider):
 * it does not wait for this confirmation, and no stranger's sign-up may take anything from it.
 */
export async function isEntered(store: AuthStore, user: UserRow): Promise<boolean> {
  if (user.confirmed_at !== null || user.last_sign_in_at !== null) return true;
  const identities = await store.identitiesOf([user.id]);
  return identities.some(({ provider }) => provider !== "email" && provider !== "phone");
}

/** @param matched the stored hash that the new password fits; null = none. The row is locked. */
export async function keepOrEmpty(
  state: AuthState,
  store: AuthStore,
  caller: Caller,
  user: UserRow,
  matched: string | null,
): Promise<UserRow> {
  if (matched !== null && matched === user.encrypted_password) return user;
  const now = state.now();
  const { ids } = state.deps;
  await store.deleteSessions(user.id, {});
  await store.deleteIdentities(user.id);
  const emptied = await store.updateUser(user.id, { encrypted_password: null, updated_at: now });
  if (user.email !== null) {
    await store.putEmailIdentity(ids.uuid(), user.id, user.email, false, now);
  }
  await audit(state, store, caller, actorOf(user), "unproven_access_removed");
  return emptied ?? user;
}
