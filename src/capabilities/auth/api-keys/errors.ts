/** The errors of API keys. Why a key is refused is told only to who holds its secret. */
import { defineErrors } from "../../../core/errors.ts";

const INVALID = { "WWW-Authenticate": 'Bearer error="invalid_token"' };

const refused = (details: string) => ({
  status: 401,
  code: "bad_credential",
  message: "The credential was not accepted",
  details,
  headers: INVALID,
});

export const keyErrors = defineErrors({
  key_unknown: () => refused("The API key is not one of this project's"),
  key_revoked: () => refused("The API key was revoked"),
  key_expired: () => refused("The API key has expired"),
  key_pending: () => ({
    ...refused("The API key waits for approval"),
    hint: "Until then, ask for this one request with X-Reactor-Approval: ask",
  }),
  approval_required: (id: string, expiresAt: Date) => ({
    status: 403,
    message: "This request waits for approval",
    hint: `Once it is approved, send the same request with X-Reactor-Approval: ${id}`,
    extra: { approval_id: id, expires_at: expiresAt.toISOString() },
  }),
  approval_waiting: () => ({
    status: 403,
    message: "Nobody has decided on this approval yet",
    headers: { "Retry-After": "5" },
  }),
  approval_denied: () => ({ status: 403, message: "The approval was denied" }),
  approval_invalid: () => ({
    status: 403,
    message: "The approval is not for this request, was used or has ended",
    hint: "Ask for a new one with X-Reactor-Approval: ask",
  }),
  too_many_approvals: (limit: number) => ({
    status: 429,
    message: `A key waits for at most ${limit} approvals`,
    headers: { "Retry-After": "60" },
  }),
  approval_not_waiting: () => ({ status: 409, message: "The approval does not wait any more" }),
  key_owner_gone: () => refused("The owner of the API key is banned or gone"),
  key_rate_limited: (retryAfterS: number) => ({
    status: 429,
    code: "over_request_rate_limit",
    message: "This API key has sent as many requests as it may per minute",
    hint: `Try again in ${retryAfterS} s`,
    headers: { "Retry-After": String(retryAfterS) },
  }),
  key_budget_spent: (period: string, retryAfterS: number) => ({
    status: 429,
    code: "api_key_budget_spent",
    message: "The budget of this API key is spent",
    details: `It is per ${period}`,
    hint: "Its owner can raise it",
    headers: { "Retry-After": String(retryAfterS) },
  }),
  api_key_not_found: () => ({ status: 404, message: "You have no such API key" }),
  api_key_limit_reached: (limit: number) => ({
    status: 422,
    message: `There are at most ${limit} API keys for one owner`,
    hint: "Revoke those that are not used",
  }),
  api_key_not_pending: () => ({ status: 409, message: "The API key does not wait for approval" }),
  api_key_is_revoked: () => ({ status: 409, message: "The API key was revoked" }),
});
