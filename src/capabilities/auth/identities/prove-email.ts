/**
 * What happens when the holder of an address appears at an account that claimed the address without
 * proof: whoever made it may be somebody else who waits inside (account pre-hijacking). Their ways in
 * are closed before the holder is let in.
 */
import type { TransactionSql } from "postgres";
import type { AuthState, Caller } from "../auth-state.ts";
import { NOTHING_WAITS } from "../mailed/change-email.ts";
import { actorOf, audit, publish } from "../record.ts";
import type { UserRow } from "../schema.ts";
import type { AuthStore } from "../store.ts";
import { createIdentityStore } from "./identity-store.ts";

/** True when the person of the account has shown that the account's address is theirs. */
export function isEmailProven({ email, proven_email: proven }: UserRow): boolean {
  return email !== null && proven === email;
}

/**
 * Marks the account's address as proven and confirmed. If it was not proven before, password,
 * sessions, identities, factors, passkeys, grants, keys, phone number and metadata go: nobody knows
 * whose they were. In the caller's
 * transaction, with the user's row locked; the holder's own way in is added afterwards.
 */
export async function proveEmail(
  state: AuthState,
  store: AuthStore,
  tx: TransactionSql,
  caller: Caller,
  user: UserRow,
): Promise<UserRow> {
  const now = state.now();
  if (isEmailProven(user)) return user;
  await store.deleteSessions(user.id, {});
  await store.deleteIdentities(user.id);
  await createIdentityStore(tx).removeOtherWaysIn(user.id, now);
  const patched = await store.updateUser(user.id, {
    encrypted_password: null,
    phone: null,
    phone_confirmed_at: null,
    raw_user_meta_data: {},
    email_confirmed_at: user.email_confirmed_at ?? now,
    proven_email: user.email,
    ...NOTHING_WAITS,
    is_anonymous: false,
    updated_at: now,
  });
  await audit(state, store, caller, actorOf(user), "unproven_access_removed");
  await publish(state, tx, caller, "auth.email_proven", user.id, { user_id: user.id });
  return patched ?? user;
}
