/**
 * Errors in OAuth's own form, `{"error","error_description"}`: RFC 6749 §5.2, RFC 7591 §3.2.2,
 * RFC 8628 §3.5, RFC 8707 §2, RFC 6750 §3.1. Descriptions hold no quotation marks and only ASCII.
 */
import { defineErrors } from "../../../core/errors.ts";

const bad = (description: string) => ({ status: 400, message: description });

export const oauthErrors = defineErrors({
  invalid_request: bad,
  /** @param challenge the client had sent an Authorization header, so it is told the scheme. */
  invalid_client: (challenge: boolean) => ({
    status: 401,
    message: "Client authentication failed",
    headers: challenge ? { "WWW-Authenticate": 'Basic realm="oauth"' } : {},
  }),
  invalid_grant: bad,
  unauthorized_client: bad,
  unsupported_grant_type: bad,
  invalid_scope: bad,
  invalid_target: bad,
  access_denied: bad,
  invalid_redirect_uri: bad,
  invalid_client_metadata: bad,
  authorization_pending: () => bad("The person has not decided yet"),
  slow_down: () => bad("Wait longer between two requests"),
  expired_token: () => bad("The device code has expired"),
  temporarily_unavailable: (description: string, retryAfterS: number) => ({
    status: 429,
    message: description,
    headers: { "Retry-After": String(retryAfterS) },
  }),
  invalid_token: (description: string) => ({
    status: 401,
    message: description,
    headers: {
      "WWW-Authenticate": `Bearer error="invalid_token", error_description="${description}"`,
    },
  }),
  insufficient_scope: (scope: string) => ({
    status: 403,
    message: `The token lacks the scope ${scope}`,
    headers: { "WWW-Authenticate": `Bearer error="insufficient_scope", scope="${scope}"` },
  }),
});

/** The `error` for a code of another table: what is not OAuth's own is too much, or ours to mend. */
export function oauthErrorOf(code: string, status: number): string {
  if (Object.hasOwn(oauthErrors, code)) return code;
  if (status === 429) return "temporarily_unavailable";
  return status >= 500 ? "server_error" : "invalid_request";
}
