/** `DELETE /auth/v1/admin/users/{id}`: removes a person, or keeps an empty row for what refers to it. */

import { isUuid } from "../accounts/find-current-user.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { flagOf } from "../http/read-json.ts";
import { createIdentityStore } from "../identities/identity-store.ts";
import { NOTHING_WAITS } from "../mailed/change-email.ts";
import { leaveAllOrgs, lockOrgsOf } from "../orgs/leave-orgs.ts";
import { record, SERVICE } from "../record.ts";
import type { JsonObject } from "../schema.ts";
import { type AuthStore, inTransaction } from "../store.ts";

/**
 * `should_soft_delete` empties the account and ends its sessions; otherwise all of it goes.
 * @throws user_not_found, last_owner
 */
export async function adminDeleteUser(
  state: AuthState,
  caller: Caller,
  id: string,
  body: JsonObject,
): Promise<void> {
  if (!isUuid(id)) throw authErrors.user_id_invalid();
  const soft = flagOf(body, "should_soft_delete");
  const now = state.now();
  await inTransaction(state.sql(caller.tenant), async (store, tx) => {
    await lockOrgsOf(tx, id);
    // Sessions before their person, as refreshing locks them: the other order would deadlock.
    await store.deleteSessions(id, {});
    const user = await store.lockUser(id);
    if (!user) throw authErrors.user_not_found();
    if (soft && user.deleted_at) return;
    await leaveAllOrgs(state, { caller, person: null }, tx, user.id);
    if (soft) await createIdentityStore(tx).removeOtherWaysIn(user.id, now);
    if (soft) await emptyAccount(store, user.id, now);
    else await store.deleteUser(user.id);
    const facts = { user_id: user.id, soft };
    await record(state, tx, caller, SERVICE, "user_deleted", user.id, facts);
  });
}

async function emptyAccount(store: AuthStore, id: string, now: Date): Promise<void> {
  await store.deleteIdentities(id);
  await store.updateUser(id, {
    email: null,
    phone: null,
    encrypted_password: null,
    proven_email: null,
    ...NOTHING_WAITS,
    raw_user_meta_data: {},
    raw_app_meta_data: {},
    deleted_at: now,
    updated_at: now,
  });
}
