/** `POST /auth/v1/token`: one route, one operation a grant. */

import { grantPassword } from "../accounts/grant-password.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { grantPkce } from "../flows/grant-pkce.ts";
import { grantIdToken } from "../providers/grant-id-token.ts";
import type { JsonObject } from "../schema.ts";
import { grantRefresh } from "./grant-refresh.ts";
import type { TokenAnswer } from "./issue-session.ts";

type Grant = (
  state: AuthState,
  caller: Caller,
  body: JsonObject,
  request: Request,
) => Promise<TokenAnswer>;

const GRANTS: ReadonlyMap<string | null, Grant> = new Map([
  ["password", grantPassword],
  ["refresh_token", grantRefresh],
  ["pkce", grantPkce],
  ["id_token", grantIdToken],
]);

/** @throws invalid_credentials (unsupported_grant_type) and what the grant throws */
export function grantToken(
  state: AuthState,
  caller: Caller,
  grantType: string | null,
  body: JsonObject,
  request: Request,
): Promise<TokenAnswer> {
  const grant = GRANTS.get(grantType);
  if (!grant) throw authErrors.unsupported_grant_type();
  return grant(state, caller, body, request);
}
