/** `/auth/v1/passkeys`: what the person, or the project's server, sees and changes of passkeys. */
import { type CurrentUser, isUuid } from "../accounts/find-current-user.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { factorErrors } from "../factors/errors.ts";
import { requireOwner } from "../factors/factor-owner.ts";
import { friendlyNameOf } from "../factors/friendly-name.ts";
import { tellOfFactor } from "../factors/tell-of-factor.ts";
import { limitByIdentity } from "../http/limit-rate.ts";
import { type Actor, actorOf, audit, publish, SERVICE } from "../record.ts";
import type { JsonObject, UserRow } from "../schema.ts";
import { createStore, inTransaction } from "../store.ts";
import { createCredentialStore } from "./credential-store.ts";
import { requireKeeper } from "./register-passkey.ts";
import type { CredentialRow } from "./schema.ts";

/** GoTrue's form of a passkey; times in ISO 8601. */
const present = (row: CredentialRow) => ({
  id: row.id,
  friendly_name: row.friendly_name === "" ? undefined : row.friendly_name,
  created_at: row.created_at.toISOString(),
  last_used_at: row.last_used_at?.toISOString(),
});

/** Oldest first. */
export async function listPasskeys(state: AuthState, caller: Caller, current: CurrentUser) {
  const { user } = requireOwner(current);
  return (await createCredentialStore(state.sql(caller.tenant)).passkeysOf(user.id)).map(present);
}

/** A name opens nothing: it asks for no second factor. @throws validation_failed (404 for one that is not theirs) */
export async function renamePasskey(
  state: AuthState,
  caller: Caller,
  current: CurrentUser,
  id: string,
  body: JsonObject,
) {
  const { user } = requireOwner(current);
  await limitByIdentity(state, caller, "passkeys", user.id, state.config.rate_limit_mfa);
  const name = friendlyNameOf(body);
  if (name === "") throw authErrors.validation_failed("friendly_name is required");
  if (!isUuid(id)) throw factorErrors.passkey_not_found();
  return inTransaction(state.sql(caller.tenant), async (store, tx) => {
    const row = await createCredentialStore(tx).renamePasskey(id, user.id, name, state.now());
    if (!row) throw factorErrors.passkey_not_found();
    await audit(state, store, caller, actorOf(user), "passkey_updated", { passkey_id: id });
    return present(row);
  });
}

/** @throws validation_failed (404 for one that is not theirs), insufficient_aal */
export async function deletePasskey(
  state: AuthState,
  caller: Caller,
  current: CurrentUser,
  id: string,
): Promise<void> {
  const { user } = await requireKeeper(state, caller, current);
  await removePasskey(state, caller, actorOf(user), user, id);
}

/** Of the secret key: anybody's. @throws user_not_found, validation_failed (404) */
export async function adminListPasskeys(state: AuthState, caller: Caller, userId: string) {
  await requireUser(state, caller, userId);
  return (await createCredentialStore(state.sql(caller.tenant)).passkeysOf(userId)).map(present);
}

/** @throws user_not_found, validation_failed (404) */
export async function adminDeletePasskey(
  state: AuthState,
  caller: Caller,
  userId: string,
  id: string,
): Promise<void> {
  const user = await requireUser(state, caller, userId);
  await removePasskey(state, caller, SERVICE, user, id);
}

/** @throws user_not_found, validation_failed (404) for what is no UUID */
export async function requireUser(state: AuthState, caller: Caller, id: string) {
  if (!isUuid(id)) throw authErrors.user_id_invalid();
  const user = await createStore(state.sql(caller.tenant)).findUserById(id);
  if (!user) throw authErrors.user_not_found();
  return user;
}

async function removePasskey(
  state: AuthState,
  caller: Caller,
  by: Actor,
  user: UserRow,
  id: string,
): Promise<void> {
  const { id: userId } = user;
  if (!isUuid(id)) throw factorErrors.passkey_not_found();
  await inTransaction(state.sql(caller.tenant), async (store, tx) => {
    await store.lockUser(userId);
    if (!(await createCredentialStore(tx).deletePasskey(id, userId))) {
      throw factorErrors.passkey_not_found();
    }
    const data = { user_id: userId, passkey_id: id };
    await audit(state, store, caller, by, "passkey_deleted", data);
    await publish(state, tx, caller, "auth.passkey_removed", userId, data);
    await tellOfFactor(state, caller, tx, user, "passkey", "removed");
  });
  state.outbox.wake(caller.tenant);
}
