/** A session that a client is given of a person, and the SQL that binds it to the client. */
import { isBanned } from "../../accounts/is-banned.ts";
import type { AuthState, Caller } from "../../auth-state.ts";
import { actorOf, audit } from "../../record.ts";
import type { UserRow } from "../../schema.ts";
import type { SessionFacts } from "../../sessions/compose-claims.ts";
import { amrEntry, startSession } from "../../sessions/issue-session.ts";
import type { AuthStore, Executor } from "../../store.ts";
import { clientStore } from "../clients/client-store.ts";
import type { Approval, ClientRow, TokenRequest } from "../schema.ts";
import { isLimited } from "../scopes.ts";
import { bindSession } from "./session-grant-store.ts";

export interface ClientSession {
  readonly user: UserRow;
  readonly session: SessionFacts;
  readonly request: TokenRequest;
  readonly authenticatedAt: Date;
  /** It does in the data API and functions what its scopes say, and nothing else. */
  readonly isLimited: boolean;
  /** Null when the client may not refresh. */
  readonly refreshToken: string | null;
}

/**
 * In the transaction that spends the code. It proves as much as the person had proven when they
 * agreed, no more and no longer. Null when the person is gone or banned, or
 * their session would have ended.
 * @param method how the client came by it, as in `amr`.
 */
export async function startClientSession(
  state: AuthState,
  store: AuthStore,
  tx: Executor,
  caller: Caller,
  client: ClientRow,
  request: TokenRequest,
  approval: Approval,
  method: string,
): Promise<ClientSession | null> {
  const now = state.now();
  const user = await store.lockUser(approval.user_id);
  if (!user || user.deleted_at || isBanned(user, now)) return null;
  const amr = [...approval.amr, amrEntry(method, now)];
  const endsAt = approval.session_ends_at;
  if (endsAt !== null && endsAt <= now) return null;
  const options = { aal: approval.aal, amr, alongside: true, endsAt };
  const issued = await startSession(state, store, caller, user.id, method, options);
  const mayRefresh = client.grant_types.includes("refresh_token");
  // Without a refresh token it lives as long as its access token.
  const notAfter = mayRefresh
    ? null
    : new Date(now.getTime() + state.config.access_token_ttl_s * 1000);
  await bindSession(tx, issued.session.id, request, approval.authenticated_at, notAfter);
  await clientStore(tx).markUsed(client.id, now);
  await audit(state, store, caller, actorOf(user), "login", {
    provider_type: method,
    client_id: client.id,
    scope: request.scope,
  });
  const { session, refreshToken } = issued;
  const authenticatedAt = approval.authenticated_at;
  return {
    user,
    session,
    request,
    authenticatedAt,
    isLimited: isLimited(state.config, client, request.scope),
    refreshToken: mayRefresh ? refreshToken : null,
  };
}
