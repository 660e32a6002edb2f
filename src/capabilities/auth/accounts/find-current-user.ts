/**
 * Who the access token of a request belongs to, checked against the database: the token itself is
 * trusted by its signature, but a person may have been removed and a session ended since it was
 * issued. `getUser`, changes and sign-out stand behind this check.
 */
import type { Principal } from "../../../core/ports/auth.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import type { SessionRow, UserRow } from "../schema.ts";
import { createStore } from "../store.ts";
import { isBanned } from "./is-banned.ts";
import { presentUser, type UserJson } from "./present-user.ts";

export interface CurrentUser {
  readonly user: UserRow;
  /** Null for a token that names no session (made outside). */
  readonly session: SessionRow | null;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export const isUuid = (text: unknown): text is string =>
  typeof text === "string" && UUID.test(text);

/** @throws bad_jwt (a key is nobody), user_not_found, user_banned, session_not_found */
export async function findCurrentUser(
  state: AuthState,
  caller: Caller,
  principal: Principal,
): Promise<CurrentUser> {
  if (principal.userId === null) throw authErrors.not_a_user_token();
  const store = createStore(state.sql(caller.tenant));
  const user = await store.findUserById(principal.userId);
  if (!user || user.deleted_at) throw authErrors.token_user_not_found();
  if (isBanned(user, state.now())) throw authErrors.token_user_banned();
  const sessionId = sessionIdOf(principal);
  if (sessionId === null) return { user, session: null };
  const session = await store.findSession(sessionId);
  const isLive = session && !session.revoked_at && session.user_id === user.id;
  if (!isLive || isPast(state, session.not_after)) throw authErrors.session_not_found();
  return { user, session };
}

function sessionIdOf(principal: Principal): string | null {
  const { session_id: id } = JSON.parse(principal.claims) as { session_id?: unknown };
  return isUuid(id) ? id : null;
}

function isPast(state: AuthState, at: Date | null): boolean {
  return at !== null && at <= state.now();
}

/** `GET /auth/v1/user`. */
export async function presentCurrentUser(
  state: AuthState,
  caller: Caller,
  { user }: CurrentUser,
): Promise<UserJson> {
  const store = createStore(state.sql(caller.tenant));
  return presentUser(user, await store.identitiesOf([user.id]));
}
