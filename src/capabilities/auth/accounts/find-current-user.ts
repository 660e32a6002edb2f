/**
 * Who the access token of a request belongs to, checked against the database: the token itself is
 * trusted by its signature, but a person may have been removed and a session ended since it was
 * issued. `getUser`, changes and sign-out stand behind this check.
 */
import type { Principal } from "../../../core/ports/auth.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import type { SessionRow, UserRow } from "../schema.ts";
import { hasEnded } from "../sessions/session-life.ts";
import { createStore } from "../store.ts";
import { isBanned } from "./is-banned.ts";
import { presentUser, type UserJson } from "./present-user.ts";

export interface CurrentUser {
  readonly user: UserRow;
  /** Null for a token that names no session (made outside). */
  readonly session: SessionRow | null;
  /** The token is one that this client was given, for these scopes (separated by spaces). */
  readonly delegated?: { readonly clientId: string; readonly scope: string };
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
  const claims = JSON.parse(principal.claims) as Claims;
  const delegated = delegationIn(claims);
  const sessionId = isUuid(claims.session_id) ? claims.session_id : null;
  if (sessionId === null) return { user, session: null, ...delegated };
  const session = await store.findSession(sessionId);
  if (!session || session.user_id !== user.id || hasEnded(state, session)) {
    throw authErrors.session_not_found();
  }
  return { user, session, ...delegated };
}

interface Claims {
  readonly session_id?: unknown;
  readonly client_id?: unknown;
  readonly scope?: unknown;
}

/** A token with `client_id` is a client's, whatever else it says (RFC 9068 §2.2). */
function delegationIn({ client_id: id, scope }: Claims): Pick<CurrentUser, "delegated"> {
  if (id === undefined) return {};
  return { delegated: { clientId: String(id), scope: typeof scope === "string" ? scope : "" } };
}

/** `GET /auth/v1/user`. An OAuth client sees what its scopes cover. */
export async function presentCurrentUser(
  state: AuthState,
  caller: Caller,
  { user, delegated }: CurrentUser,
): Promise<UserJson> {
  const store = createStore(state.sql(caller.tenant));
  const identities = await store.identitiesOf([user.id]);
  if (!delegated) return presentUser(user, identities);
  const scopes = new Set(delegated.scope.split(" "));
  const visible = {
    ...user,
    email: scopes.has("email") ? user.email : null,
    email_change: scopes.has("email") ? user.email_change : null,
    phone: scopes.has("phone") ? user.phone : null,
    phone_change: scopes.has("phone") ? user.phone_change : null,
    // How they prove themselves here, numbers of phones among it.
    factors: [],
    raw_user_meta_data: scopes.has("profile") ? user.raw_user_meta_data : {},
  };
  return presentUser(visible, scopes.has("profile") && scopes.has("email") ? identities : []);
}
