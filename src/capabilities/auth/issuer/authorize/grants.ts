/** `/user/oauth/grants`: what a person has allowed to which client, and taking it back. */
import { type CurrentUser, isUuid } from "../../accounts/find-current-user.ts";
import type { AuthState, Caller } from "../../auth-state.ts";
import { authErrors } from "../../errors.ts";
import { actorOf, audit, publish } from "../../record.ts";
import { inTransaction } from "../../store.ts";
import type { ClientSummary } from "../clients/present-client.ts";
import { isLimited, parseScopes } from "../scopes.ts";
import { authorizationStore } from "./authorization-store.ts";

export interface Grant {
  readonly client: ClientSummary;
  readonly scopes: readonly string[];
  /** As in `AuthorizationDetails`. */
  readonly full_access: boolean;
  /** ISO 8601. */
  readonly granted_at: string;
}

/** Newest first. */
export async function listGrants(
  state: AuthState,
  caller: Caller,
  { user }: CurrentUser,
): Promise<Grant[]> {
  const rows = await authorizationStore(state.sql(caller.tenant)).grantsOf(user.id);
  return rows.map((row) => ({
    client: {
      id: row.client_id,
      name: row.client_name,
      uri: row.client_uri ?? "",
      logo_uri: row.logo_uri ?? "",
    },
    scopes: parseScopes(row.scopes),
    full_access: !isLimited(state.config, row, row.scopes),
    granted_at: row.granted_at.toISOString(),
  }));
}

/** Ends every session the client has of this person. @throws validation_failed, oauth_consent_not_found */
export async function revokeGrant(
  state: AuthState,
  caller: Caller,
  { user }: CurrentUser,
  clientId: string,
): Promise<void> {
  if (clientId === "") {
    throw authErrors.validation_failed("client_id query parameter is required");
  }
  if (!isUuid(clientId)) throw authErrors.validation_failed("invalid client_id format");
  const now = state.now();
  await inTransaction(state.sql(caller.tenant), async (store, tx) => {
    const requests = authorizationStore(tx);
    const stood = await requests.revokeConsent(user.id, clientId, now);
    await requests.cancel(user.id, clientId);
    const ended = await requests.deleteSessions(user.id, clientId);
    if (!stood && ended === 0) throw authErrors.oauth_consent_not_found();
    await audit(state, store, caller, actorOf(user), "token_revoked", {
      action: "revoke_oauth_grant",
      oauth_client_id: clientId,
      sessions: ended,
    });
    await publish(state, tx, caller, "auth.oauth_grant_revoked", user.id, { client_id: clientId });
  });
}
