/**
 * `grant_type=refresh_token` at the OAuth token endpoint (RFC 6749 §6): the client's own tokens only,
 * never for more than was granted. A token is used once; its second use ends the session.
 */
import { ReactorError } from "../../../../core/errors.ts";
import type { AuthState, Caller } from "../../auth-state.ts";
import type { SessionRow } from "../../schema.ts";
import { rotateToken } from "../../sessions/grant-refresh.ts";
import { oauthErrors } from "../errors.ts";
import type { Params } from "../read-form.ts";
import type { ClientRow, TokenRequest } from "../schema.ts";
import { covers, isLimited, parseScopes } from "../scopes.ts";
import { type OAuthAnswer, oauthAnswer } from "./oauth-answer.ts";

/** @throws invalid_request, invalid_grant, invalid_scope, invalid_target */
export async function grantOAuthRefresh(
  state: AuthState,
  caller: Caller,
  client: ClientRow,
  params: Params,
): Promise<OAuthAnswer> {
  const token = params.get("refresh_token");
  if (token === "") throw oauthErrors.invalid_request("refresh_token is required");
  const { user, session, refreshToken } = await rotateOwn(state, caller, client, params, token);
  const request = requestOf(session, client);
  const narrowed = parseScopes(params.get("scope")).join(" ");
  const given = {
    user,
    session,
    request: narrowed === "" ? request : { ...request, scope: narrowed },
    authenticatedAt: session.authenticated_at ?? session.created_at,
    // By what was granted: a narrower token does not lose its limits with the scopes it leaves out.
    isLimited: isLimited(state.config, client, request.scope),
    refreshToken,
  };
  return oauthAnswer(state, caller, given, null, "token_refresh");
}

async function rotateOwn(
  state: AuthState,
  caller: Caller,
  client: ClientRow,
  params: Params,
  token: string,
) {
  const owner = {
    clientId: client.id,
    graceS: state.config.oauth_server.refresh_token_grace_s,
    // Before anything is spent: a request that asks too much costs the client nothing.
    admit: (session: SessionRow) => checkWanted(session, client, params),
  };
  try {
    return await rotateToken(state, caller, token, owner);
  } catch (error) {
    throw error instanceof ReactorError && error.status === 400 ? asGrantError(error) : error;
  }
}

function checkWanted(session: SessionRow, client: ClientRow, params: Params): void {
  const { scope, resource } = requestOf(session, client);
  if (!covers(scope, params.get("scope"))) {
    throw oauthErrors.invalid_scope("scope holds more than was granted");
  }
  const wanted = params.get("resource");
  if (wanted !== "" && wanted !== resource) {
    throw oauthErrors.invalid_target("resource is another than was granted");
  }
}

function requestOf(session: SessionRow, client: ClientRow): TokenRequest {
  return {
    client_id: client.id,
    scope: session.scopes ?? "",
    resource: session.oauth_resource,
    issuer: session.oauth_issuer ?? "",
  };
}

/** Why it is not honoured is told to people who refresh a session, not to clients. */
function asGrantError(error: ReactorError): ReactorError {
  if (Object.hasOwn(oauthErrors, error.code)) return error;
  return oauthErrors.invalid_grant("The refresh token is not valid");
}
