/**
 * `/auth/v1/sso/saml/acs`: where identity providers send browsers with their response. It comes as a
 * form of another site, without cookies; so it is verified, kept for a moment, and the browser comes
 * again by itself to show that it is the one that left.
 */
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { hashFlowCode, isFlowCode } from "../flows/flow-code.ts";
import { openBy, sealBy } from "../flows/seal-by.ts";
import { limitByAddress } from "../http/limit-rate.ts";
import { allowedRedirect } from "../http/redirects.ts";
import { OAUTH_COOKIE, ownUrl } from "../providers/authorize.ts";
import { refused } from "../providers/callback.ts";
import { enterApp } from "../providers/enter-app.ts";
import { findState, newSecret, secretsOf, takeState } from "../providers/oauth-state.ts";
import { browserOrigin } from "../ui/browser-origin.ts";
import { readCookie } from "../ui/cookies.ts";
import { type ReadResponse, readResponse } from "./read-response.ts";
import { issuerOf } from "./response-issuer.ts";
import { createSamlStore, type SsoProvider } from "./saml-store.ts";
import { spNames } from "./service-provider.ts";

const WAIT_MS = 60_000;

/** What a response vouches for, until its browser comes. */
type Waiting = Pick<ReadResponse, "identity" | "sessionEndsAtMs">;

/** The form. Where the browser goes. */
export async function receiveResponse(
  state: AuthState,
  caller: Caller,
  request: Request,
  form: URLSearchParams,
): Promise<string> {
  const relay = form.get("RelayState") ?? "";
  let target = allowedRedirect(state, request, null);
  try {
    await limitByAddress(state, caller, "saml", state.config.rate_limit_token_exchange);
    if (!state.config.saml.enabled) throw authErrors.saml_provider_disabled();
    const row = await findState(state, state.sql(caller.tenant), relay);
    if (!row?.provider.startsWith("sso:")) {
      target = allowedRedirect(state, request, relay || null);
      return await receiveUnasked(state, caller, request, form, target);
    }
    target = allowedRedirect(state, request, row.redirect_to);
    const id = row.provider.slice("sso:".length);
    const provider = usable(await createSamlStore(state.sql(caller.tenant)).find(id));
    const { nonce: requestId } = await secretsOf(relay, row);
    const read = await verified(state, caller, request, form, provider, requestId);
    const handle = newSecret(state);
    const { identity, sessionEndsAtMs } = read;
    const waits: Waiting = { identity, sessionEndsAtMs };
    const sealed = await sealBy(state.deps.rng, handle, waits);
    await state.deps.kv.put(caller.tenant, keyOf(handle), sealed, { ttlMs: WAIT_MS });
    const query = new URLSearchParams({ handle, RelayState: relay });
    return `${ownUrl(state, request)}/sso/saml/acs?${query}`;
  } catch (error) {
    return refused(request, target, error);
  }
}

/** The browser comes again by itself. Where it goes. */
export async function finishResponse(
  state: AuthState,
  caller: Caller,
  request: Request,
  query: URLSearchParams,
): Promise<string> {
  let target = allowedRedirect(state, request, null);
  try {
    await limitByAddress(state, caller, "saml", state.config.rate_limit_token_exchange);
    const relay = query.get("RelayState") ?? "";
    const browser = readCookie(request, await browserOrigin(state, request), OAUTH_COOKIE);
    const taken = await takeState(state, state.sql(caller.tenant), relay, browser);
    if (!taken) throw authErrors.saml_relay_state_not_found();
    target = allowedRedirect(state, request, taken.row.redirect_to);
    if (!taken.isHere) throw authErrors.bad_oauth_state("The sign-in began in another browser");
    const found = await waiting(state, caller, query.get("handle") ?? "");
    if (found?.identity.provider !== taken.row.provider) {
      throw authErrors.saml_relay_state_not_found();
    }
    return await enter(state, caller, found, taken.row.flow_id, target);
  } catch (error) {
    return refused(request, target, error);
  }
}

/** A response that nobody asked for; `RelayState` may be where to go. */
async function receiveUnasked(
  state: AuthState,
  caller: Caller,
  request: Request,
  form: URLSearchParams,
  target: string,
): Promise<string> {
  if (!state.config.saml.idp_initiated) throw authErrors.saml_relay_state_not_found();
  const entityId = await issuerOf(form.get("SAMLResponse") ?? "");
  const store = createSamlStore(state.sql(caller.tenant));
  const provider = usable(await store.findByEntityId(entityId));
  const read = await verified(state, caller, request, form, provider, null);
  return enter(state, caller, read, null, target);
}

function enter(
  state: AuthState,
  caller: Caller,
  { identity, sessionEndsAtMs }: Waiting,
  flowId: string | null,
  target: string,
): Promise<string> {
  const method = "sso/saml";
  return enterApp(state, caller, {
    identity,
    method,
    flowId,
    target,
    sessionEndsAtMs,
    tokens: null,
  });
}

function usable(provider: SsoProvider | null): SsoProvider {
  if (!provider) throw authErrors.sso_provider_not_found();
  if (provider.disabled) throw authErrors.sso_provider_disabled();
  return provider;
}

/** Verifies the response and marks its assertion as used. @throws validation_failed */
async function verified(
  state: AuthState,
  caller: Caller,
  request: Request,
  form: URLSearchParams,
  provider: SsoProvider,
  requestId: string | null,
): Promise<ReadResponse> {
  const encoded = form.get("SAMLResponse") ?? "";
  if (encoded === "") throw authErrors.validation_failed("SAMLResponse is missing");
  const sp = spNames(state, request);
  const read = await readResponse(state, caller.tenant, sp, provider, encoded, requestId);
  const ttlMs = Math.max(1, read.endsAtMs - state.deps.clock.now());
  const hash = new Bun.CryptoHasher("sha256").update(`${provider.id} ${read.id}`).digest("hex");
  const mark = new Uint8Array([1]);
  const { kv } = state.deps;
  const first = await kv.put(caller.tenant, `auth:saml:used:${hash}`, mark, {
    ttlMs,
    ifVersion: 0,
  });
  if (first === null) {
    throw authErrors.saml_assertion_invalid(new Error("the assertion was used before"));
  }
  return read;
}

const keyOf = (handle: string) =>
  `auth:saml:waiting:${Buffer.from(hashFlowCode(handle)).toString("hex")}`;

/** What waits under a handle, once. */
async function waiting(
  state: AuthState,
  { tenant }: Caller,
  handle: string,
): Promise<Waiting | null> {
  if (!isFlowCode(handle)) return null;
  const { kv } = state.deps;
  const entry = await kv.get(tenant, keyOf(handle));
  const isOurs = await kv.delete(tenant, keyOf(handle));
  return entry && isOurs ? openBy<Waiting>(handle, entry.value) : null;
}
