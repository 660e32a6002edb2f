/**
 * Authenticates a client within the limits of the token endpoints. Who proved to hold a secret is
 * counted by itself, because it acts for many people from one address; everybody else, and every
 * failure, by address.
 */
import type { AuthState, Caller } from "../../auth-state.ts";
import { limitByAddress, limitByIdentity } from "../../http/limit-rate.ts";
import type { Params } from "../read-form.ts";
import type { ClientRow } from "../schema.ts";
import { authenticateClient } from "./authenticate-client.ts";

/** @throws over_request_rate_limit, and as `authenticateClient` */
export async function admitClient(
  state: AuthState,
  caller: Caller,
  request: Request,
  params: Params,
): Promise<ClientRow> {
  const { rate_limit_token: perAddress, rate_limit_client: perClient } = state.config.oauth_server;
  const countAddress = () => limitByAddress(state, caller, "oauth_token", perAddress);
  let client: ClientRow;
  try {
    client = await authenticateClient(state, caller, request, params);
  } catch (error) {
    await countAddress();
    throw error;
  }
  if (client.client_type === "public") await countAddress();
  else await limitByIdentity(state, caller, "oauth_client", client.id, perClient);
  return client;
}
