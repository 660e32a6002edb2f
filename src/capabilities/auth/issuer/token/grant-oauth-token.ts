/** `POST /oauth/token`: who asks, for which grant, and one operation for each. */
import type { AuthState, Caller } from "../../auth-state.ts";
import { grantDevice } from "../../devices/grant-device.ts";
import { admitClient } from "../clients/admit-client.ts";
import { oauthErrors } from "../errors.ts";
import { issuerAddress } from "../issuer-address.ts";
import type { Params } from "../read-form.ts";
import { type ClientRow, DEVICE_GRANT } from "../schema.ts";
import { grantClientCredentials } from "./grant-client-credentials.ts";
import { grantCode } from "./grant-code.ts";
import { grantOAuthRefresh } from "./grant-oauth-refresh.ts";
import type { OAuthAnswer } from "./oauth-answer.ts";

type Grant = (
  state: AuthState,
  caller: Caller,
  client: ClientRow,
  params: Params,
  issuer: string,
) => Promise<OAuthAnswer>;

const GRANTS: ReadonlyMap<string, Grant> = new Map<string, Grant>([
  ["authorization_code", grantCode],
  ["refresh_token", grantOAuthRefresh],
  ["client_credentials", grantClientCredentials],
  [DEVICE_GRANT, grantDevice],
]);

/** The names of all grants, for the discovery document. */
export const grantTypes: readonly string[] = [...GRANTS.keys()];

/**
 * @param origin by which the client reached us.
 * @throws invalid_client, invalid_request, unsupported_grant_type, unauthorized_client, and what the
 * grant throws
 */
export async function grantOAuthToken(
  state: AuthState,
  caller: Caller,
  request: Request,
  params: Params,
  origin: string,
): Promise<OAuthAnswer> {
  const client = await admitClient(state, caller, request, params);
  const name = params.get("grant_type");
  if (name === "") throw oauthErrors.invalid_request("grant_type is required");
  const grant = GRANTS.get(name);
  if (!grant) throw oauthErrors.unsupported_grant_type("This grant_type is not known here");
  if (!client.grant_types.includes(name)) {
    throw oauthErrors.unauthorized_client("The client may not use this grant_type");
  }
  const issuer = issuerAddress(await state.deps.project(caller.tenant), origin);
  return grant(state, caller, client, params, issuer);
}
