/** The answer of the token endpoint (RFC 6749 §5.1, OpenID Connect Core §3.1.3.3). */
import type { AuthState, Caller } from "../../auth-state.ts";
import { composeClaims } from "../../sessions/compose-claims.ts";
import { signClaims } from "../../sessions/issue-session.ts";
import { parseScopes } from "../scopes.ts";
import { signIdToken } from "./id-token.ts";
import { clientClaims, withoutOperator } from "./scoped-claims.ts";
import type { ClientSession } from "./session-grant.ts";

export interface OAuthAnswer {
  readonly access_token: string;
  readonly token_type: "bearer";
  /** Seconds. */
  readonly expires_in: number;
  /** Granted scopes, separated by spaces. */
  readonly scope: string;
  readonly refresh_token?: string;
  /** With the scope `openid`. */
  readonly id_token?: string;
}

/**
 * @param nonce of the authorization request, if this answers one.
 * @param method the way in, for hooks. Default: the session's last.
 */
export async function oauthAnswer(
  state: AuthState,
  caller: Caller,
  given: ClientSession,
  nonce: string | null,
  method?: string,
): Promise<OAuthAnswer> {
  const { user, session, request, refreshToken } = given;
  const own = clientClaims(given);
  const more = { claims: own, ...(method === undefined ? {} : { method }) };
  const claims = withoutOperator(await composeClaims(state, caller, user, session, more), given);
  const accessToken = await signClaims(state, caller, claims);
  const isOpenId = parseScopes(request.scope).includes("openid");
  return {
    access_token: accessToken,
    token_type: "bearer",
    expires_in: Number(claims["exp"]) - Number(claims["iat"]),
    scope: request.scope,
    ...(refreshToken === null ? {} : { refresh_token: refreshToken }),
    ...(isOpenId
      ? { id_token: await signIdToken(state, caller, given, { accessToken, nonce }) }
      : {}),
  };
}
