/**
 * `GET /auth/v1/authorize`: sends a browser to a provider. `GET /auth/v1/user/identities/authorize`
 * does so to link: a script asks for it, so what it gets is an address of ours, by which its browser
 * leaves with a cookie that it will be known by when it comes back.
 */
import { contextOf } from "../../../core/context.ts";
import type { CurrentUser } from "../accounts/find-current-user.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { requireAal2 } from "../factors/aal.ts";
import { challengeOf } from "../flows/code-challenge.ts";
import { beginFlow } from "../flows/flow-state.ts";
import { limitByAddress } from "../http/limit-rate.ts";
import { allowedRedirect } from "../http/redirects.ts";
import { inTransaction } from "../store.ts";
import { browserOrigin } from "../ui/browser-origin.ts";
import { readCookie, setCookie } from "../ui/cookies.ts";
import { findProvider } from "./find-provider.ts";
import { keepState, keepTicket, newSecret, redeemTicket, STATE_TTL_MS } from "./oauth-state.ts";
import type { Provider } from "./resolve-provider.ts";

export interface Departure {
  /** Where the browser goes. */
  readonly location: string;
  /** Null: the browser is known by the address instead. */
  readonly cookie: string | null;
}

export const OAUTH_COOKIE = "reactor-oauth";

/** Ours to say, or a way to say it again: what a caller may not hand through to a provider. */
const RESERVED = new Set([
  "provider",
  "redirect_to",
  "scopes",
  "skip_http_redirect",
  "ticket",
  "apikey",
  "client_id",
  "client_key",
  "client_secret",
  "client_assertion",
  "client_assertion_type",
  "redirect_uri",
  "response_type",
  "response_mode",
  "state",
  "nonce",
  "scope",
  "code_challenge",
  "code_challenge_method",
  "request",
  "request_uri",
  "registration",
]);
const PARAM_NAME = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/;
const PARAM_VALUE_MAX = 512;
const PARAMS_MAX = 20;

/** @throws oauth_provider_not_supported, validation_failed, provider_failed, bad_oauth_state */
export async function authorize(
  state: AuthState,
  caller: Caller,
  request: Request,
): Promise<Departure> {
  await limitByAddress(state, caller, "authorize", state.config.rate_limit_authorize);
  const origin = await browserOrigin(state, request);
  const browser = readCookie(request, origin, OAUTH_COOKIE) ?? newSecret(state);
  const cookie = setCookie(origin, OAUTH_COOKIE, browser, STATE_TTL_MS / 1000);
  const query = new URL(request.url).searchParams;
  const ticket = query.get("ticket");
  if (ticket !== null) {
    const sql = state.sql(caller.tenant);
    const referer = request.headers.get("referer");
    return { location: await redeemTicket(state, sql, ticket, browser, referer), cookie };
  }
  const trip = await plan(state, request, query);
  await inTransaction(state.sql(caller.tenant), async (_store, tx) => {
    const flowId = await beginFlow(state, tx, flowOf(trip.provider, query, null));
    await keepState(state, tx, trip.value, { ...trip.leaving, flowId, linkUserId: null }, browser);
  });
  return { location: trip.location, cookie };
}

/** @throws manual_linking_disabled, insufficient_aal and what `authorize` throws */
export async function authorizeLink(
  state: AuthState,
  caller: Caller,
  current: CurrentUser,
  request: Request,
): Promise<Departure> {
  await limitByAddress(state, caller, "authorize", state.config.rate_limit_authorize);
  if (!state.config.manual_linking) throw authErrors.manual_linking_disabled();
  requireAal2(state, current, "link an identity");
  const query = new URL(request.url).searchParams;
  const trip = await plan(state, request, query);
  const linkUserId = current.user.id;
  const ticket = await inTransaction(state.sql(caller.tenant), async (_store, tx) => {
    const flowId = await beginFlow(state, tx, flowOf(trip.provider, query, linkUserId));
    const leaving = { ...trip.leaving, flowId, linkUserId };
    return keepTicket(state, tx, trip.value, leaving, trip.location);
  });
  return { location: `${ownUrl(state, request)}/authorize?ticket=${ticket}`, cookie: null };
}

function flowOf(provider: Provider, query: URLSearchParams, userId: string | null) {
  return {
    codeChallenge: query.get("code_challenge") ?? "",
    codeChallengeMethod: query.get("code_challenge_method") ?? "",
    method: "oauth",
    provider: provider.name,
    userId,
  };
}

/** `https://host/auth/v1`, as the browser and the provider know it. */
export function ownUrl(state: AuthState, request: Request): string {
  return `${state.deps.server.publicUrl || contextOf(request).origin}/auth/v1`;
}

async function plan(state: AuthState, request: Request, query: URLSearchParams) {
  const name = query.get("provider") ?? "";
  const provider = await findProvider(state, contextOf(request).tenant, name);
  if (!provider) throw authErrors.oauth_provider_not_supported(name.slice(0, 64));
  const value = newSecret(state);
  const isOidc = provider.issuer !== null && !("no-nonce" in provider.flags);
  const callback = `${ownUrl(state, request)}/callback`;
  const secrets = {
    nonce: isOidc ? newSecret(state) : null,
    verifier: provider.pkce === "none" ? null : newSecret(state),
    redirectUri: provider.settings.own_callback ? `${callback}/${name}` : callback,
  };
  const redirectTo = allowedRedirect(state, request, query.get("redirect_to"));
  const endpoint = await endpointOf(state, provider);
  const location = locationOf(endpoint, provider, query, { value, ...secrets });
  return { provider, value, location, leaving: { provider: name, redirectTo, secrets } };
}

async function endpointOf(state: AuthState, provider: Provider): Promise<string> {
  if (provider.authorizeUrl !== null) return provider.authorizeUrl;
  const found = await state.providers.directory
    .metadata(provider.issuer ?? "")
    .catch((cause: unknown) => {
      throw authErrors.provider_failed(cause);
    });
  if (found.authorizeUrl !== null) return found.authorizeUrl;
  throw authErrors.provider_failed(new Error(`${found.issuer} names no authorization endpoint`));
}

interface Asked {
  readonly value: string;
  readonly nonce: string | null;
  readonly verifier: string | null;
  readonly redirectUri: string;
}

function locationOf(
  endpoint: string,
  provider: Provider,
  query: URLSearchParams,
  asked: Asked,
): string {
  const url = new URL(endpoint);
  const { searchParams: params } = url;
  for (const [name, value] of handedOn(query)) params.set(name, value);
  for (const [name, value] of Object.entries(provider.authorizeParams)) params.set(name, value);
  params.set("response_type", "code");
  const { flags } = provider;
  params.set("client-key" in flags ? "client_key" : "client_id", provider.settings.client_id);
  params.set("redirect_uri", asked.redirectUri);
  params.set("state", asked.value);
  if (asked.nonce !== null) params.set("nonce", asked.nonce);
  if (asked.verifier !== null) {
    const isPlain = provider.pkce === "plain";
    params.set("code_challenge_method", isPlain ? "plain" : "S256");
    params.set("code_challenge", isPlain ? asked.verifier : challengeOf(asked.verifier));
  }
  const more = (query.get("scopes") ?? "").split(/[\s,]+/).filter((scope) => scope !== "");
  const scopes = [...new Set([...provider.scopes, ...more])];
  if (scopes.length > 0) params.set("scope", scopes.join("commas" in flags ? "," : " "));
  return url.href;
}

/** What else the caller wants the provider to know: `prompt`, `login_hint`, `access_type`, `hd`, … */
function handedOn(query: URLSearchParams): (readonly [string, string])[] {
  return [...query]
    .filter(([name, value]) => {
      const isOurs = RESERVED.has(name.toLowerCase());
      return !isOurs && PARAM_NAME.test(name) && value.length <= PARAM_VALUE_MAX;
    })
    .slice(0, PARAMS_MAX);
}
