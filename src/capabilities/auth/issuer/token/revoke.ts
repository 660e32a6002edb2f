/**
 * `POST /oauth/revoke` (RFC 7009): a client gives back what it holds. Either token stands for the
 * session, which ends; access tokens that are out verify until they expire, and introspection and
 * userinfo refuse them at once. An unknown token is answered like a known one (§2.2).
 */
import { isUuid } from "../../accounts/find-current-user.ts";
import type { AuthState, Caller } from "../../auth-state.ts";
import { audit } from "../../record.ts";
import type { SessionRow } from "../../schema.ts";
import { hashRefreshToken, isRefreshToken } from "../../sessions/refresh-token.ts";
import { type AuthStore, createStore, inTransaction } from "../../store.ts";
import { oauthErrors } from "../errors.ts";
import type { Params } from "../read-form.ts";
import type { ClientRow } from "../schema.ts";
import { readAccessToken } from "./introspect.ts";

/** @throws invalid_request, unauthorized_client (the token is another client's) */
export async function revokeToken(
  state: AuthState,
  caller: Caller,
  client: ClientRow,
  params: Params,
): Promise<void> {
  const token = params.get("token");
  if (token === "") throw oauthErrors.invalid_request("token is required");
  const store = createStore(state.sql(caller.tenant));
  const session = await sessionOf(state, caller, store, token);
  if (!session) return;
  if (session.oauth_client_id !== client.id) {
    throw oauthErrors.unauthorized_client("The token was not issued to this client");
  }
  await endClientSession(state, caller, session);
}

/** What was given to a client ends, at its own word. */
export async function endClientSession(
  state: AuthState,
  caller: Caller,
  { id, user_id: userId, oauth_client_id: clientId }: SessionRow,
): Promise<void> {
  const now = state.now();
  await inTransaction(state.sql(caller.tenant), async (store) => {
    await store.revokeFamily(id, now);
    const traits = { session_id: id, client_id: clientId };
    await audit(state, store, caller, { id: userId, name: "" }, "token_revoked", traits);
  });
}

async function sessionOf(
  state: AuthState,
  caller: Caller,
  store: AuthStore,
  token: string,
): Promise<SessionRow | null> {
  if (isRefreshToken(token)) {
    const row = await store.findRefreshToken(hashRefreshToken(token));
    return row ? store.findSession(row.session_id) : null;
  }
  const id = (await readAccessToken(state, caller, token))?.["session_id"];
  return isUuid(id) ? store.findSession(id) : null;
}
