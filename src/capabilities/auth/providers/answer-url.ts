/**
 * Addresses that a browser is sent to at the end of a sign-in, as GoTrue's clients read them. `target`
 * has been through `allowedRedirect`; nothing here can lead elsewhere.
 */
import type { ReactorError } from "../../../core/errors.ts";
import type { ProviderTokens } from "../flows/flow-code.ts";
import type { TokenAnswer } from "../sessions/issue-session.ts";

/** RFC 6749 §4.1.2.1, by status; anything else of a client is `invalid_request`. */
const OAUTH_ERRORS: Readonly<Record<number, string>> = {
  401: "unauthorized_client",
  403: "access_denied",
  429: "temporarily_unavailable",
  500: "server_error",
  502: "server_error",
  503: "temporarily_unavailable",
};

export function withCode(target: string, code: string): string {
  const url = new URL(target);
  url.searchParams.set("code", code);
  return url.href;
}

/** The implicit flow: a fragment, which browsers do not send to any server. */
export function withSession(
  target: string,
  answer: TokenAnswer,
  tokens: ProviderTokens | null,
): string {
  const refreshToken = tokens?.refreshToken ?? null;
  const params = new URLSearchParams({
    access_token: answer.access_token,
    expires_at: String(answer.expires_at),
    expires_in: String(answer.expires_in),
    ...(tokens ? { provider_token: tokens.accessToken } : {}),
    ...(refreshToken === null ? {} : { provider_refresh_token: refreshToken }),
    refresh_token: answer.refresh_token,
    token_type: answer.token_type,
  });
  const url = new URL(target);
  url.hash = params.toString();
  return url.href;
}

/** In the query and in the fragment: clients of either flow look in one of them. */
export function withError(target: string, error: ReactorError): string {
  const said = error.extra["oauth_error"];
  const name = OAUTH_ERRORS[error.status] ?? "invalid_request";
  const params = {
    error: typeof said === "string" ? said : name,
    error_code: error.code,
    error_description: error.message,
  };
  const url = new URL(target);
  for (const [key, value] of Object.entries(params)) url.searchParams.set(key, value);
  url.hash = new URLSearchParams(params).toString();
  return url.href;
}
