/**
 * `POST /auth/v1/sso`: where a browser goes to sign in at the identity provider of its organisation,
 * found by id or by the domain of an address.
 */
import { isUuid } from "../accounts/find-current-user.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { beginFlow } from "../flows/flow-state.ts";
import { limitByAddress } from "../http/limit-rate.ts";
import { textOf } from "../http/read-json.ts";
import { allowedRedirect } from "../http/redirects.ts";
import { ownUrl } from "../providers/authorize.ts";
import { keepTicket, newSecret } from "../providers/oauth-state.ts";
import type { JsonObject } from "../schema.ts";
import { inTransaction } from "../store.ts";
import { freshMetadata } from "./fresh-metadata.ts";
import { createSamlStore, type SsoProvider } from "./saml-store.ts";
import { createServiceProvider, spNames } from "./service-provider.ts";

/** An address of ours, by which the browser leaves with a cookie that it comes back with. */
export async function beginSso(
  state: AuthState,
  caller: Caller,
  request: Request,
  body: JsonObject,
): Promise<string> {
  await limitByAddress(state, caller, "sso", state.config.rate_limit_authorize);
  if (!state.config.saml.enabled) throw authErrors.saml_provider_disabled();
  const provider = await findProvider(state, caller, body);
  if (provider.disabled) throw authErrors.sso_provider_disabled();
  const idp = await freshMetadata(state, caller, provider);
  const requestId = state.deps.ids.uuid();
  const sp = spNames(state, request);
  const more = { requestId, nameIdFormat: provider.name_id_format };
  const saml = await createServiceProvider(state, caller.tenant, sp, idp, more);
  const value = newSecret(state);
  const location = await saml.getAuthorizeUrlAsync(value, undefined, {});
  const name = `sso:${provider.id}`;
  const ticket = await inTransaction(state.sql(caller.tenant), async (_store, tx) => {
    const flowId = await beginFlow(state, tx, {
      codeChallenge: textOf(body, "code_challenge"),
      codeChallengeMethod: textOf(body, "code_challenge_method"),
      method: "sso/saml",
      provider: name,
    });
    const leaving = {
      provider: name,
      redirectTo: allowedRedirect(state, request, textOf(body, "redirect_to") || null),
      flowId,
      linkUserId: null,
      secrets: { nonce: `_${requestId}`, verifier: null, redirectUri: sp.acsUrl },
    };
    return keepTicket(state, tx, value, leaving, location);
  });
  return `${ownUrl(state, request)}/authorize?ticket=${ticket}`;
}

async function findProvider(
  state: AuthState,
  caller: Caller,
  body: JsonObject,
): Promise<SsoProvider> {
  const id = textOf(body, "provider_id");
  const domain = textOf(body, "domain").trim().toLowerCase();
  if (id !== "" && domain !== "") {
    throw authErrors.validation_failed("Only one of provider_id or domain supported");
  }
  if (id === "" && domain === "") {
    throw authErrors.validation_failed("A provider_id or domain needs to be provided");
  }
  const store = createSamlStore(state.sql(caller.tenant));
  if (domain !== "") {
    const found = await store.findByDomain(domain);
    if (found) return found;
    throw authErrors.sso_provider_not_found("No SSO provider assigned for this domain");
  }
  const found = isUuid(id) ? await store.find(id) : null;
  if (!found) throw authErrors.sso_provider_not_found("No such SSO provider");
  return found;
}
