/**
 * `GET /auth/v1/callback`: a browser comes back from a provider. Whatever happens, it is sent on to the
 * app: with a code or a session, or with an error in GoTrue's form. Before the provider is asked for
 * anything, the answer must be to a question that this browser was sent to ask, of this provider.
 */
import { contextOf } from "../../../core/context.ts";
import { ReactorError } from "../../../core/errors.ts";
import { reportError } from "../../../core/http.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { limitByAddress } from "../http/limit-rate.ts";
import { allowedRedirect } from "../http/redirects.ts";
import { browserOrigin } from "../ui/browser-origin.ts";
import { readCookie } from "../ui/cookies.ts";
import { withError } from "./answer-url.ts";
import { OAUTH_COOKIE } from "./authorize.ts";
import { checkIssuer } from "./check-issuer.ts";
import { enterApp, linkInApp } from "./enter-app.ts";
import { exchangeCode } from "./exchange-code.ts";
import { findProvider } from "./find-provider.ts";
import { type OauthSecrets, secretsOf, takeState } from "./oauth-state.ts";
import type { OauthStateRow } from "./oauth-state-store.ts";
import { readPerson } from "./read-person.ts";

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
    return refused(request, target, error);
  }
}

/** The app's address with the error; the log learns of what is not the client's doing. */
export function refused(request: Request, target: string, error: unknown): string {
  const known = error instanceof ReactorError ? error : authErrors.unexpected_failure(error);
  if (known.status >= 500) reportError(request, known);
  else if (known.cause !== undefined) {
    // Why an assertion was refused is for whoever runs the server, not for who sent it.
    const { code, cause } = known;
    contextOf(request).log.warn("auth.sign_in_refused", { code, cause: String(cause) });
  }
  return withError(target, known);
}

interface Return {
  readonly query: URLSearchParams;
  readonly row: OauthStateRow;
  readonly secrets: OauthSecrets;
  readonly named: string | null;
  readonly target: string;
}

async function complete(state: AuthState, caller: Caller, back: Return): Promise<string> {
  const { query, row, secrets, named, target } = back;
  const provider = await findProvider(state, caller.tenant, row.provider);
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
  const arrival = { identity, method: "oauth", flowId: row.flow_id, target, tokens } as const;
  const { link_user_id: linkUserId } = row;
  return linkUserId === null
    ? enterApp(state, caller, arrival)
    : linkInApp(state, caller, arrival, linkUserId);
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
