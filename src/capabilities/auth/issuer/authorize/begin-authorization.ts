/** `GET|POST /oauth/authorize`: keeps a client's request and sends the browser where it is decided. */
import type { CurrentUser } from "../../accounts/find-current-user.ts";
import type { AuthState, Caller } from "../../auth-state.ts";
import { limitByAddress } from "../../http/limit-rate.ts";
import { describeAuthorization } from "../authorizations.ts";
import { baseOf, issuerAddress } from "../issuer-address.ts";
import type { Params } from "../read-form.ts";
import { authorizationStore } from "./authorization-store.ts";
import { AuthorizeFault, readClient, readRequest, wayBack } from "./read-request.ts";
import { errorUrl } from "./redirect-back.ts";

/**
 * Where to send the browser.
 * @param origin by which it reached us.
 * @param findUser who is signed in there, asked only when nobody may be shown a page.
 * @throws validation_failed, oauth_client_not_found
 */
export async function beginAuthorization(
  state: AuthState,
  caller: Caller,
  params: Params,
  origin: string,
  findUser: () => Promise<CurrentUser | null>,
): Promise<string> {
  const { oauth_server: settings } = state.config;
  await limitByAddress(state, caller, "oauth_authorize", settings.rate_limit_authorize);
  const issuer = issuerAddress(await state.deps.project(caller.tenant), origin);
  const { client, redirectUri } = await readClient(state, caller, params);
  const back = wayBack(params, redirectUri, issuer);
  try {
    const wanted = readRequest(state, client, params, issuer);
    const now = state.now();
    const authorizationId = state.deps.ids.token(32);
    await authorizationStore(state.sql(caller.tenant)).insert({
      ...back,
      ...wanted,
      id: state.deps.ids.uuid(),
      authorization_id: authorizationId,
      client_id: client.id,
      created_at: now,
      expires_at: new Date(now.getTime() + settings.authorization_ttl_s * 1000),
    });
    if (!wanted.prompt.includes("none")) {
      return consentUrl(state, issuer, authorizationId, wanted.login_hint);
    }
    return await answerAtOnce(state, caller, authorizationId, await findUser());
  } catch (error) {
    if (error instanceof AuthorizeFault) return errorUrl(back, error.error, error.message);
    throw error;
  }
}

/** `login_hint` is a stranger's word for who should sign in; a page may offer it, never take it. */
function consentUrl(
  state: AuthState,
  issuer: string,
  authorizationId: string,
  loginHint: string | null,
): string {
  const { consent_url: own } = state.config.oauth_server;
  const page = own === "" ? `${baseOf(issuer)}/auth/ui/consent` : own;
  const query = new URLSearchParams({ authorization_id: authorizationId });
  if (loginHint !== null) query.set("login_hint", loginHint);
  return `${page}${page.includes("?") ? "&" : "?"}${query}`;
}

/** `prompt=none` (OpenID Connect Core §3.1.2.1): what stands decides, no page is shown. */
async function answerAtOnce(
  state: AuthState,
  caller: Caller,
  authorizationId: string,
  user: CurrentUser | null,
): Promise<string> {
  if (!user) throw new AuthorizeFault("login_required", "Nobody is signed in");
  const described = await describeAuthorization(state, caller, user, authorizationId);
  if ("redirect_url" in described) return described.redirect_url;
  throw new AuthorizeFault("consent_required", "The person has not agreed to this yet");
}
