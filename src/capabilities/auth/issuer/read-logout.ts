/**
 * A request to sign out (OpenID Connect RP-Initiated Logout 1.0 §2), checked: whose client asks, of
 * whom it speaks, and where the browser may go afterwards. Nothing here signs anybody out.
 */
import { compactVerify } from "jose";
import { isUuid } from "../accounts/find-current-user.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { clientStore } from "./clients/client-store.ts";
import { issuerAddress } from "./issuer-address.ts";
import { publicKeys } from "./public-keys.ts";
import type { Params } from "./read-form.ts";
import type { ClientRow } from "./schema.ts";

/** What an ID token of ours says, of whatever age. */
export interface LogoutHint {
  readonly userId: string;
  readonly clientId: string;
  /** The session that the client was given; null for a token from before they named it. */
  readonly sessionId: string | null;
}

export interface LogoutRequest {
  readonly hint: LogoutHint | null;
  readonly client: ClientRow | null;
  /** Where the browser goes afterwards, with the client's `state`; registered by it. Null = nowhere. */
  readonly target: string | null;
}

const TOKEN_LENGTH_MAX = 8192;

/**
 * @param origin by which the browser reached us.
 * @throws validation_failed: answered here, and nobody is sent anywhere
 */
export async function readLogout(
  state: AuthState,
  caller: Caller,
  params: Params,
  origin: string,
): Promise<LogoutRequest> {
  const sent = params.get("id_token_hint");
  const hint = sent === "" ? null : await readHint(state, caller, sent, origin);
  const named = params.get("client_id");
  if (hint && named !== "" && named !== hint.clientId) {
    throw authErrors.validation_failed("client_id is another than the ID token's");
  }
  const clientId = hint?.clientId ?? named;
  const clients = clientStore(state.sql(caller.tenant));
  const client = isUuid(clientId) ? await clients.find(clientId) : null;
  if (clientId !== "" && !client) throw authErrors.oauth_client_unknown();
  return { hint, client, target: readTarget(client, params) };
}

/** Signed by us, and about a person and a client: an access token is neither. */
async function readHint(
  state: AuthState,
  caller: Caller,
  token: string,
  origin: string,
): Promise<LogoutHint> {
  const project = await state.deps.project(caller.tenant);
  const { set, algorithms } = publicKeys(project);
  const fault = () => authErrors.validation_failed("id_token_hint is not an ID token of ours");
  if (token.length > TOKEN_LENGTH_MAX) throw fault();
  // Its time is not looked at (§4): people sign out long after they signed in.
  const { payload } = await compactVerify(token, set, { algorithms }).catch(() => {
    throw fault();
  });
  const claims = JSON.parse(Buffer.from(payload).toString()) as Record<string, unknown>;
  const { iss, sub, aud, sid } = claims;
  if (iss !== issuerAddress(project, origin) || !isUuid(sub) || !isUuid(aud)) throw fault();
  return { userId: sub, clientId: aud, sessionId: isUuid(sid) ? sid : null };
}

/** §3: compared as text, with what that client registered. */
function readTarget(client: ClientRow | null, params: Params): string | null {
  const uri = params.get("post_logout_redirect_uri");
  if (uri === "") return null;
  if (!client?.post_logout_redirect_uris.includes(uri)) {
    throw authErrors.validation_failed("post_logout_redirect_uri is not one of the client's");
  }
  const state = params.get("state");
  if (state === "") return uri;
  return `${uri}${uri.includes("?") ? "&" : "?"}${new URLSearchParams({ state })}`;
}
