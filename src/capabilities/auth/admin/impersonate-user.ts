/**
 * `POST /auth/v1/admin/users/{id}/impersonate`: an access token as a person, to see what they see.
 * It says so in itself (`act`, RFC 8693 §4.1), names a session that shows among the person's, cannot
 * be refreshed, and changes no way in (`sessions/impersonation.ts`).
 */
import { isUuid } from "../accounts/find-current-user.ts";
import { isBanned } from "../accounts/is-banned.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { textOf } from "../http/read-json.ts";
import { record, SERVICE } from "../record.ts";
import type { JsonObject } from "../schema.ts";
import { IMPERSONATION } from "../sessions/impersonation.ts";
import {
  agentOf,
  amrEntry,
  ipOf,
  type TokenAnswer,
  tokenAnswer,
} from "../sessions/issue-session.ts";
import { type AuthStore, inTransaction } from "../store.ts";

const TTL_S = 900;
const TTL_MAX_S = 3600;
const TTL_MIN_S = 60;
const TEXT_MAX = 200;

interface Request {
  /** Who acts: a person or program of the project's own, for the log and the token. */
  readonly actor: string;
  readonly reason: string;
  readonly ttlS: number;
}

/** @throws user_not_found, user_banned, validation_failed */
export async function impersonateUser(
  state: AuthState,
  caller: Caller,
  id: string,
  body: JsonObject,
): Promise<Omit<TokenAnswer, "refresh_token">> {
  if (!isUuid(id)) throw authErrors.user_id_invalid();
  const request = readRequest(body);
  const sessionId = state.deps.ids.uuid();
  const amr = [amrEntry(IMPERSONATION, state.now())];
  const { user, identities } = await inTransaction(state.sql(caller.tenant), async (store, tx) => {
    const found = await store.findUserById(id);
    if (!found || found.deleted_at) throw authErrors.user_not_found();
    if (isBanned(found, state.now())) throw authErrors.user_banned();
    await insertSession(state, store, caller, {
      id: sessionId,
      userId: id,
      amr,
      ttlS: request.ttlS,
    });
    const { actor, reason } = request;
    const facts = { user_id: id, session_id: sessionId, actor, reason };
    await record(state, tx, caller, SERVICE, "user_impersonated", id, facts);
    return { user: found, identities: await store.identitiesOf([id]) };
  });
  const issued = { session: { id: sessionId, aal: "aal1", amr } as const, refreshToken: "" };
  const act = { sub: request.actor, role: "service_role" };
  const more = { method: IMPERSONATION, ttlS: request.ttlS, claims: { act } };
  const answer = await tokenAnswer(state, caller, user, identities, issued, more);
  const { refresh_token: _none, ...rest } = answer;
  return rest;
}

function readRequest(body: JsonObject): Request {
  const actor = textOf(body, "actor") || "service_role";
  const reason = textOf(body, "reason");
  const ttlS = body["expires_in"] ?? TTL_S;
  if (actor.length > TEXT_MAX || reason.length > TEXT_MAX) {
    throw authErrors.validation_failed(`actor and reason have at most ${TEXT_MAX} characters`);
  }
  if (!Number.isInteger(ttlS) || Number(ttlS) < TTL_MIN_S || Number(ttlS) > TTL_MAX_S) {
    throw authErrors.validation_failed(`expires_in is from ${TTL_MIN_S} to ${TTL_MAX_S} seconds`);
  }
  return { actor, reason, ttlS: Number(ttlS) };
}

function insertSession(
  state: AuthState,
  store: AuthStore,
  caller: Caller,
  session: {
    readonly id: string;
    readonly userId: string;
    readonly amr: readonly ReturnType<typeof amrEntry>[];
    readonly ttlS: number;
  },
): Promise<void> {
  const now = state.now();
  return store.insertSession({
    id: session.id,
    user_id: session.userId,
    aal: "aal1",
    amr: session.amr,
    factor_id: null,
    tag: IMPERSONATION,
    not_after: new Date(now.getTime() + session.ttlS * 1000),
    user_agent: agentOf(caller),
    ip: ipOf(caller),
    refresh_token_hmac_key: state.deps.rng.bytes(32),
    now,
  });
}
