/** `DELETE /auth/v1/user/identities/{id}`: a person removes a way in, but never the last one. */
import type { TransactionSql } from "postgres";
import { type CurrentUser, isUuid } from "../accounts/find-current-user.ts";
import { normalizeEmail } from "../accounts/normalize-email.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { requireAal2 } from "../factors/aal.ts";
import { limitByIdentity } from "../http/limit-rate.ts";
import { actorOf, audit, publish } from "../record.ts";
import type { IdentityRow, UserPatch, UserRow } from "../schema.ts";
import { type AuthStore, inTransaction } from "../store.ts";
import { createIdentityStore } from "./identity-store.ts";
import { tellOfLink } from "./link-identity.ts";
import { providersPatch } from "./providers-of.ts";

/**
 * @param id of the row in `auth.identities`.
 * @throws validation_failed (404), manual_linking_disabled, identity_not_found,
 * single_identity_not_deletable, email_conflict_identity_not_deletable, insufficient_aal
 */
export async function unlinkIdentity(
  state: AuthState,
  caller: Caller,
  current: CurrentUser,
  id: string,
): Promise<void> {
  const { config } = state;
  await limitByIdentity(state, caller, "unlink", current.user.id, config.rate_limit_user_update);
  if (!isUuid(id)) throw authErrors.identity_id_invalid();
  if (!config.manual_linking) throw authErrors.manual_linking_disabled();
  requireAal2(state, current, "unlink an identity");
  await inTransaction(state.sql(caller.tenant), (store, tx) =>
    remove(state, store, tx, caller, current.user.id, id.toLowerCase()),
  );
  state.outbox.wake(caller.tenant);
}

async function remove(
  state: AuthState,
  store: AuthStore,
  tx: TransactionSql,
  caller: Caller,
  userId: string,
  id: string,
): Promise<void> {
  const user = await store.lockUser(userId);
  if (!user || user.deleted_at) throw authErrors.token_user_not_found();
  const identities = await store.identitiesOf([userId]);
  if (identities.length <= 1) throw authErrors.single_identity_not_deletable();
  const removed = identities.find((identity) => identity.id === id);
  if (!removed) throw authErrors.identity_not_found();
  const rest = identities.filter((identity) => identity !== removed);
  await createIdentityStore(tx).remove(id);
  const patched = await store.updateUser(userId, patchOf(state, user, removed, rest));
  if (!patched) throw authErrors.email_conflict_identity_not_deletable();
  await audit(state, store, caller, actorOf(user), "identity_unlinked", {
    identity_id: id,
    provider: removed.provider,
    provider_id: removed.provider_id,
  });
  const data = { user_id: userId, provider: removed.provider };
  await publish(state, tx, caller, "auth.identity_unlinked", userId, data);
  await tellOfLink(state, caller, tx, user, removed.provider, "identity_unlinked");
}

function patchOf(
  state: AuthState,
  user: UserRow,
  removed: IdentityRow,
  rest: readonly IdentityRow[],
): UserPatch {
  return {
    ...providersPatch(user, rest),
    ...(removed.provider === "phone" ? { phone: null, phone_confirmed_at: null } : {}),
    // The password is the way in that this identity stands for.
    ...(removed.provider === "email" ? { encrypted_password: null } : {}),
    ...(isOnlyHere(user.email, removed, rest) ? nextAddress(state, rest) : {}),
    updated_at: state.now(),
  };
}

function isOnlyHere(email: string | null, removed: IdentityRow, rest: readonly IdentityRow[]) {
  return email !== null && removed.email === email && rest.every((one) => one.email !== email);
}

/** The address that stays: one that another identity verified, or none. */
function nextAddress(state: AuthState, rest: readonly IdentityRow[]): Partial<UserPatch> {
  const verified = rest.find(
    ({ provider, email, identity_data: data }) =>
      provider !== "email" && email !== null && data["email_verified"] === true,
  );
  const email = normalizeEmail(verified?.email ?? "");
  return {
    email,
    proven_email: email,
    email_confirmed_at: email === null ? null : state.now(),
  };
}
