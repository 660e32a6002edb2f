/**
 * `GET /auth/v1/callback`: a browser comes back from a provider. Whatever happens, it is sent on to the
 * app: with a code or a session, or with an error in GoTrue's form. Before the provider is asked for
 * anything, the answer must be to a question that this browser was sent to ask, of this provider.
 */
import { ReactorError } from "../../../core/errors.ts";
import { reportError } from "../../../core/http.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import type { ProviderTokens } from "../flows/flow-code.ts";
import { finishFlow } from "../flows/flow-state.ts";
import { type SignedIn, signInByFlow } from "../flows/sign-in-by-flow.ts";
import { limitByAddress } from "../http/limit-rate.ts";
import { allowedRedirect } from "../http/redirects.ts";
import type { ExternalIdentity } from "../identities/external-identity.ts";
import { linkIdentity, tellOfLink } from "../identities/link-identity.ts";
import { admitIdentity, signInWithIdentity } from "../identities/sign-in-identity.ts";
import { tokenAnswer } from "../sessions/issue-session.ts";
import { inTransaction } from "../store.ts";
import { browserOrigin } from "../ui/browser-origin.ts";
import { readCookie } from "../ui/cookies.ts";
import { withCode, withError, withSession } from "./answer-url.ts";
import { OAUTH_COOKIE } from "./authorize.ts";
import { checkIssuer } from "./check-issuer.ts";
import { exchangeCode } from "./exchange-code.ts";
import { type OauthSecrets, secretsOf, takeState } from "./oauth-state.ts";
import type { OauthStateRow } from "./oauth-state-store.ts";
import { readPerson } from "./read-person.ts";
import type { Provider } from "./resolve-provider.ts";

const CODE_LENGTH_MAX = 4096;

/** @param named the provider in the path, where it has a callback of its own; else null. */
export async function callback(
  state: AuthState,
  caller: Caller,
  request: Request,
  query: URLSearchParams,
  named: string | null,
): Promise<string> {
  let target = allowedRedirect(state, request, null);
  try {
    await limitByAddress(state, caller, "callback", state.config.rate_limit_token_exchange);
    const value = only(query, "state");
    const browser = readCookie(request, await browserOrigin(state, request), OAUTH_COOKIE);
    const taken = await takeState(state, state.sql(caller.tenant), value ?? "", browser);
    if (!taken) throw authErrors.bad_oauth_state("It was used, is too old or was never made");
    target = allowedRedirect(state, request, taken.row.redirect_to);
    if (!taken.isHere) throw authErrors.bad_oauth_state("The sign-in began in another browser");
    const secrets = await secretsOf(value ?? "", taken.row);
    return await complete(state, caller, { query, row: taken.row, secrets, named, target });
  } catch (error) {
    if (!(error instanceof ReactorError) || error.status >= 500)
      reportError(request, asError(error));
    return withError(target, asError(error));
  }
}

const asError = (error: unknown) =>
  error instanceof ReactorError ? error : authErrors.unexpected_failure(error);

interface Return {
  readonly query: URLSearchParams;
  readonly row: OauthStateRow;
  readonly secrets: OauthSecrets;
  readonly named: string | null;
  readonly target: string;
}

async function complete(state: AuthState, caller: Caller, back: Return): Promise<string> {
  const { query, row, secrets, named, target } = back;
  const provider = state.providers.find(row.provider);
  if (!provider) throw authErrors.oauth_provider_not_supported(row.provider);
  if (named !== (provider.settings.own_callback ? provider.name : null)) {
    throw authErrors.bad_oauth_callback("The answer came to another provider's callback");
  }
  await checkIssuer(state, provider, query);
  const error = only(query, "error");
  if (error !== null) throw refusalOf(error, only(query, "error_description"));
  const code = only(query, "code");
  if (!code || code.length > CODE_LENGTH_MAX) {
    throw authErrors.bad_oauth_callback("OAuth callback with missing authorization code missing");
  }
  const answer = await failing(exchangeCode(state, caller.tenant, provider, code, secrets));
  const identity = await failing(readPerson(state, provider, answer, secrets.nonce));
  const { accessToken, refreshToken } = answer;
  const tokens = { accessToken, refreshToken };
  const { link_user_id: linkUserId } = row;
  return linkUserId === null
    ? enter(state, caller, { provider, row, target, identity, tokens })
    : link(state, caller, { provider, row, target, identity, tokens }, linkUserId);
}

/** A parameter that is there once; twice is a trick to be read differently by two readers. */
function only(query: URLSearchParams, name: string): string | null {
  const all = query.getAll(name);
  if (all.length > 1) throw authErrors.bad_oauth_callback(`OAuth callback with several ${name}`);
  return all[0] ?? null;
}

/** What the provider says in a URL is anybody's text: shortened, and without control characters. */
function refusalOf(error: string, description: string | null) {
  const clean = (text: string) => text.replace(/[^\x20-\x7e]/g, " ").slice(0, 300);
  return authErrors.provider_refused(clean(error), clean(description ?? error));
}

async function failing<T>(work: Promise<T>): Promise<T> {
  return work.catch((cause: unknown) => {
    throw authErrors.provider_failed(cause);
  });
}

interface Found {
  readonly provider: Provider;
  readonly row: OauthStateRow;
  readonly target: string;
  readonly identity: ExternalIdentity;
  readonly tokens: ProviderTokens;
}

async function enter(state: AuthState, caller: Caller, found: Found): Promise<string> {
  const { provider, row, target, identity, tokens } = found;
  const admission = await admitIdentity(state, caller, identity);
  const done = await inTransaction(state.sql(caller.tenant), async (store, tx) => {
    const person = await signInWithIdentity(state, store, tx, caller, identity, admission);
    const { user } = person;
    if (row.flow_id !== null) {
      const code = await finishFlow(state, tx, row.flow_id, user.id, { tokens });
      return { ...person, code };
    }
    const way = { method: "oauth", provider: provider.name };
    return { ...person, session: await signInByFlow(state, store, caller, user, way) };
  });
  if (done.outcome === "linked") await tellOfLink(state, caller, done.user, provider.name);
  if ("code" in done) return withCode(target, done.code);
  return answerSession(state, caller, target, done.session, tokens);
}

async function link(
  state: AuthState,
  caller: Caller,
  { provider, row, target, identity, tokens }: Found,
  userId: string,
): Promise<string> {
  const { flow_id: flowId } = row;
  const sql = state.sql(caller.tenant);
  if (flowId !== null) {
    // Linked when the client that asked for it shows its verifier: see `grantPkce`.
    const load = { tokens, link: identity };
    return withCode(target, await finishFlow(state, sql, flowId, userId, load));
  }
  const session = await inTransaction(sql, async (store, tx) => {
    const user = await linkIdentity(state, store, tx, caller, userId, identity);
    const way = { method: "oauth", provider: provider.name };
    return signInByFlow(state, store, caller, user, way);
  });
  await tellOfLink(state, caller, session.user, provider.name);
  return answerSession(state, caller, target, session, tokens);
}

async function answerSession(
  state: AuthState,
  caller: Caller,
  target: string,
  { user, identities, issued }: SignedIn,
  tokens: ProviderTokens,
): Promise<string> {
  const answer = await tokenAnswer(state, caller, user, identities, issued);
  return withSession(target, answer, tokens);
}
