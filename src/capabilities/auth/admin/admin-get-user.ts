/** `GET /auth/v1/admin/users/{id}`. */

import { isUuid } from "../accounts/find-current-user.ts";
import { presentUser, type UserJson } from "../accounts/present-user.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { createStore } from "../store.ts";

/** @throws validation_failed (404, no UUID), user_not_found */
export async function adminGetUser(
  state: AuthState,
  caller: Caller,
  id: string,
): Promise<UserJson> {
  if (!isUuid(id)) throw authErrors.user_id_invalid();
  const store = createStore(state.sql(caller.tenant));
  const user = await store.findUserById(id);
  if (!user) throw authErrors.user_not_found();
  return presentUser(user, await store.identitiesOf([user.id]));
}
