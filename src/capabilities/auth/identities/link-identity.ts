/**
 * Linking by hand: a signed-in person adds a way in. The identity must be nobody's yet. A person
 * without an address (an anonymous one) takes over the address that the provider verified.
 */
import type { TransactionSql } from "postgres";
import { isBanned } from "../accounts/is-banned.ts";
import { normalizeEmail } from "../accounts/normalize-email.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { queueMessage } from "../messages/queue-message.ts";
import type { UserRow } from "../schema.ts";
import type { AuthStore } from "../store.ts";
import type { ExternalIdentity } from "./external-identity.ts";
import { createIdentityStore } from "./identity-store.ts";
import { addIdentity } from "./sign-in-identity.ts";

/**
 * In the caller's transaction; tell the person with `tellOfLink` in the same one.
 * @throws manual_linking_disabled, identity_already_exists, email_exists, user_not_found
 */
export async function linkIdentity(
  state: AuthState,
  store: AuthStore,
  tx: TransactionSql,
  caller: Caller,
  userId: string,
  identity: ExternalIdentity,
): Promise<UserRow> {
  if (!state.config.manual_linking) throw authErrors.manual_linking_disabled();
  const identities = createIdentityStore(tx);
  await identities.lock(identity.provider, identity.providerId);
  const known = await identities.find(identity.provider, identity.providerId);
  if (known) throw authErrors.identity_already_exists(known.user_id === userId);
  const user = await store.lockUser(userId);
  if (!user || user.deleted_at) throw authErrors.user_not_found();
  if (isBanned(user, state.now())) throw authErrors.user_banned();
  if (user.is_sso_user) throw authErrors.user_sso_managed();
  const email = normalizeEmail(identity.email ?? "");
  const named = await takeAddress(state, store, user, identity.emailVerified ? email : null);
  return addIdentity(state, store, tx, caller, named, identity, email);
}

/** An account with a way in of its own is no longer anonymous. */
async function takeAddress(
  state: AuthState,
  store: AuthStore,
  user: UserRow,
  email: string | null,
): Promise<UserRow> {
  const now = state.now();
  const takes = user.email === null && email !== null;
  const address = takes ? { email, email_confirmed_at: now, proven_email: email } : {};
  if (!takes && !user.is_anonymous) return user;
  const patch = { ...address, is_anonymous: false, updated_at: now };
  const patched = await store.updateUser(user.id, patch);
  if (!patched) throw authErrors.email_exists();
  return patched;
}

/**
 * A mail to the person, in the transaction of the change: a way in that they did not add is found out
 * by it. Call `state.outbox.wake` after the commit.
 * @param user as before an unlinking: the address may go with the identity.
 */
export async function tellOfLink(
  state: AuthState,
  caller: Caller,
  tx: TransactionSql,
  user: UserRow,
  provider: string,
  kind: "identity_linked" | "identity_unlinked" = "identity_linked",
): Promise<void> {
  if (user.email === null || user.email_confirmed_at === null) return;
  const message = { kind, to: user.email, user, data: { provider } };
  await queueMessage(state, caller, tx, message);
}
