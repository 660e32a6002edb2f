/**
 * Sessions as people see them: one for each device they signed in on. They look at them and end them,
 * as does the project's own server. An access token that is out lives on until it expires.
 */
import { type CurrentUser, isUuid } from "../accounts/find-current-user.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { limitByIdentity } from "../http/limit-rate.ts";
import { type Actor, actorOf, audit, publish, SERVICE } from "../record.ts";
import type { SessionRow } from "../schema.ts";
import { createStore, inTransaction } from "../store.ts";
import { sessionErrors } from "./errors.ts";
import { IMPERSONATION, refuseImpersonated } from "./impersonation.ts";
import { COOKIE_TAG } from "./issue-session.ts";
import { hasEnded } from "./session-life.ts";

/** Of the list; more sessions than this are not shown, the latest used come first. */
const LIST_MAX = 200;

/** `GET /user/sessions`. */
export async function listSessions(
  state: AuthState,
  caller: Caller,
  { user, session }: CurrentUser,
) {
  return { sessions: await liveSessions(state, caller, user.id, session?.id) };
}

/** `DELETE /user/sessions/{id}`: also the present one. @throws session_unknown */
export async function endSession(
  state: AuthState,
  caller: Caller,
  { user, session }: CurrentUser,
  id: string,
): Promise<void> {
  refuseImpersonated(session);
  await limitByIdentity(state, caller, "sessions", user.id, state.config.rate_limit_user_update);
  await end(state, caller, user.id, id, actorOf(user));
}

/** `GET /admin/users/{id}/sessions`. @throws user_not_found */
export async function adminListSessions(state: AuthState, caller: Caller, userId: string) {
  await requireUser(state, caller, userId);
  return { sessions: await liveSessions(state, caller, userId, undefined) };
}

/** `DELETE /admin/users/{id}/sessions[/{session}]`. @throws user_not_found, session_unknown */
export async function adminEndSessions(
  state: AuthState,
  caller: Caller,
  userId: string,
  id: string | null,
): Promise<void> {
  await requireUser(state, caller, userId);
  await end(state, caller, userId, id, SERVICE);
}

async function requireUser(state: AuthState, caller: Caller, id: string): Promise<void> {
  if (!isUuid(id)) throw authErrors.user_id_invalid();
  const user = await createStore(state.sql(caller.tenant)).findUserById(id);
  if (!user) throw authErrors.user_not_found();
}

async function liveSessions(
  state: AuthState,
  caller: Caller,
  userId: string,
  currentId: string | undefined,
) {
  const rows = await createStore(state.sql(caller.tenant)).listSessions(userId, LIST_MAX);
  return rows.filter((row) => !hasEnded(state, row)).map((row) => present(row, currentId));
}

function present(row: SessionRow, currentId: string | undefined) {
  return {
    id: row.id,
    current: row.id === currentId,
    kind: kindOf(row),
    created_at: row.created_at.toISOString(),
    last_used_at: (row.refreshed_at ?? row.created_at).toISOString(),
    not_after: row.not_after?.toISOString() ?? null,
    user_agent: row.user_agent,
    ip: row.ip,
    aal: row.aal,
    amr: row.amr,
    client_id: row.oauth_client_id,
  };
}

function kindOf({ oauth_client_id: client, tag }: SessionRow) {
  if (client !== null) return "oauth";
  if (tag === IMPERSONATION) return "impersonation";
  return tag === COOKIE_TAG ? "pages" : "app";
}

/** @param id null = all of the person's. */
async function end(
  state: AuthState,
  caller: Caller,
  userId: string,
  id: string | null,
  by: Actor,
): Promise<void> {
  if (id !== null && !isUuid(id)) throw sessionErrors.session_unknown();
  await inTransaction(state.sql(caller.tenant), async (store, tx) => {
    const count = await store.deleteSessions(userId, id === null ? {} : { only: id });
    if (count === 0 && id !== null) throw sessionErrors.session_unknown();
    const traits = { user_id: userId, session_id: id, count };
    await audit(state, store, caller, by, "session_ended", traits);
    const data = { session_id: id, count };
    await publish(state, tx, caller, "auth.session_ended", userId, data);
  });
}
