/**
 * Every error of `/auth/v1`. Codes, statuses and sentences are those that GoTrue's clients switch
 * on; the one deviation is 401 where GoTrue answers 403 for a token that does not verify, because a
 * bad credential is 401 everywhere in Reactor.
 */
import { defineErrors } from "../../core/errors.ts";
import { providerErrors } from "./providers/errors.ts";

const BEARER = { "WWW-Authenticate": "Bearer" };

export const authErrors = defineErrors({
  ...providerErrors,
  bad_json: (details: string) => ({
    status: 400,
    message: "Could not parse request body as JSON",
    details,
  }),
  validation_failed: (message: string, details?: string) => ({
    status: 400,
    message,
    details: details ?? null,
  }),
  user_id_invalid: () => ({
    status: 404,
    code: "validation_failed",
    message: "user_id must be an UUID",
  }),
  no_authorization: () => ({
    status: 401,
    message: "This endpoint requires a valid Bearer token",
    headers: BEARER,
  }),
  bad_jwt: (reason: string, cause?: unknown) => ({
    status: 401,
    message: "invalid JWT: unable to parse or verify signature",
    details: reason,
    headers: { "WWW-Authenticate": 'Bearer error="invalid_token"' },
    cause,
  }),
  not_a_user_token: () => ({
    status: 403,
    code: "bad_jwt",
    message: "invalid claim: missing sub claim",
    hint: "Project keys are nobody's; sign in and send the access token",
  }),
  not_admin: () => ({
    status: 403,
    message: "User not allowed",
    hint: "Send the project's secret key",
  }),
  app_metadata_not_yours: () => ({
    status: 403,
    code: "not_admin",
    message: "Updating app_metadata requires admin privileges",
  }),
  token_user_not_found: () => ({
    status: 403,
    code: "user_not_found",
    message: "User from sub claim in JWT does not exist",
  }),
  session_not_found: () => ({
    status: 403,
    message: "Session from session_id claim in JWT does not exist",
  }),
  impersonation_not_allowed: () => ({
    status: 403,
    message: "This cannot be done while acting as another person",
  }),
  erase_blocked: (tables: readonly string[]) => ({
    status: 409,
    message: "Rows that refer to this person stand in the way",
    details: tables.join(", "),
    hint: 'Send references, as in {"public.orders":"set_null"} or "delete", or give the key an on delete',
  }),
  merge_conflict: (table: string) => ({
    status: 409,
    message: "Both accounts have a row where only one may be",
    details: table,
    hint: "Remove one of the two rows, then merge",
  }),
  user_not_found: () => ({ status: 404, message: "User not found" }),
  invalid_credentials: () => ({ status: 400, message: "Invalid login credentials" }),
  unsupported_grant_type: () => ({
    status: 400,
    code: "invalid_credentials",
    message: "unsupported_grant_type",
    hint: "grant_type is password, refresh_token, pkce or id_token",
  }),
  email_not_confirmed: () => ({ status: 400, message: "Email not confirmed" }),
  user_banned: () => ({ status: 400, message: "User is banned" }),
  token_user_banned: () => ({ status: 403, code: "user_banned", message: "User is banned" }),
  signup_disabled: () => ({ status: 422, message: "Signups not allowed for this instance" }),
  anonymous_provider_disabled: () => ({
    status: 422,
    message: "Anonymous sign-ins are disabled",
    hint: "Send an email and a password",
  }),
  phone_provider_disabled: () => ({ status: 400, message: "Phone sign-ins are disabled" }),
  user_already_exists: () => ({ status: 422, message: "User already registered" }),
  email_exists: () => ({
    status: 422,
    message: "A user with this email address has already been registered",
  }),
  user_id_exists: () => ({
    status: 422,
    code: "user_already_exists",
    message: "A user with this id exists",
  }),
  weak_password: (message: string, reasons: readonly string[]) => ({
    status: 422,
    message,
    extra: { weak_password: { reasons } },
  }),
  same_password: () => ({
    status: 422,
    message: "New password should be different from the old password.",
  }),
  reauthentication_needed: () => ({
    status: 400,
    message: "Password update requires reauthentication",
    hint: "Sign in again and repeat the change",
  }),
  refresh_token_not_found: () => ({
    status: 400,
    message: "Invalid Refresh Token: Refresh Token Not Found",
  }),
  refresh_token_already_used: () => ({
    status: 400,
    message: "Invalid Refresh Token: Already Used",
    hint: "The session has been ended for safety; sign in again",
  }),
  session_expired: () => ({ status: 400, message: "Invalid Refresh Token: Session Expired" }),
  insufficient_aal: (message: string, status: 401 | 403 | 422) => ({
    status,
    message,
    hint: "Verify a second factor in this session, then repeat the request",
  }),
  user_sso_managed: () => ({
    status: 422,
    message: "The account of this user is managed by their organisation's identity provider",
  }),
  unexpected_failure: (cause: unknown) => ({
    status: 500,
    message: "Unexpected failure, please check server logs for more information",
    cause,
  }),
  hook_refused: (status: number, message: string) => ({
    status,
    code: status === 500 ? "unexpected_failure" : "unknown",
    message,
  }),
  hook_failed: (message: string, cause?: unknown) => ({
    status: 500,
    code: "unexpected_failure",
    message,
    cause,
  }),
  hook_timeout: (seconds: number) => ({
    status: 422,
    message: `Failed to reach hook within maximum time of ${seconds.toFixed(6)} seconds`,
  }),
  hook_timeout_after_retry: (cause?: unknown) => ({
    status: 422,
    message: "Failed to reach hook after maximum retries",
    cause,
  }),
  hook_payload_over_size_limit: (limitBytes: number) => ({
    status: 422,
    message: `Payload size exceeded size limit of ${limitBytes} bytes`,
  }),
  hook_payload_invalid_content_type: (type: string) => ({
    status: 400,
    message:
      type === ""
        ? "Invalid Content-Type: Missing Content-Type header"
        : `Invalid JSON response. Received content-type: ${type.slice(0, 100)}`,
  }),
  user_creation_rejected: (message: string) => ({
    status: 403,
    code: "unknown",
    message: message.slice(0, 1000) || "The account was refused",
  }),
  password_attempt_rejected: (message: string) => ({
    status: 400,
    code: "invalid_credentials",
    message: message || "Further password verification attempts will be rejected.",
  }),
  mfa_verification_rejected: (message: string) => ({
    status: 403,
    message: message || "Further MFA verification attempts will be rejected.",
  }),
  message_not_sent: (what: string, cause: unknown) => ({
    status: 500,
    code: "unexpected_failure",
    message: `Error sending ${what} email`,
    cause,
  }),
  sms_send_failed: (message: string, cause?: unknown) => ({ status: 422, message, cause }),
  captcha_failed: (reasons: string) => ({
    status: 400,
    message: `captcha protection: request disallowed (${reasons})`,
  }),
  captcha_unavailable: (cause: unknown) => ({
    status: 500,
    code: "unexpected_failure",
    message: "captcha verification process failed",
    cause,
  }),
  breach_check_unavailable: (cause: unknown) => ({
    status: 500,
    code: "unexpected_failure",
    message: "Unable to perform password strength check",
    hint: "Try again later",
    cause,
  }),
  over_request_rate_limit: (retryAfterS: number) => ({
    status: 429,
    message: "Request rate limit reached",
    hint: `Try again in ${retryAfterS} s`,
    headers: { "Retry-After": String(retryAfterS) },
  }),
  // The OAuth server. What clients are told in RFC 6749's form is in issuer/errors.ts.
  feature_disabled: (what: string) => ({ status: 404, message: `${what} is disabled` }),
  oauth_client_not_found: () => ({ status: 404, message: "OAuth client not found" }),
  oauth_client_built_in: () => ({
    status: 409,
    message: "This client is the command line of this server: it is neither changed nor removed",
    hint: "People end its logins with `reactor logout`, or on the page of their account",
  }),
  oauth_client_unknown: () => ({
    status: 400,
    code: "oauth_client_not_found",
    message: "invalid client_id",
  }),
  oauth_dynamic_client_registration_disabled: () => ({
    status: 403,
    message: "Dynamic client registration is not enabled",
  }),
  oauth_authorization_not_found: () => ({ status: 404, message: "authorization not found" }),
  oauth_consent_not_found: () => ({
    status: 404,
    message: "No active grant found for this client",
  }),
  oauth_login_needed: () => ({
    status: 403,
    code: "reauthentication_needed",
    message: "The client asks for a new sign-in",
    hint: "Sign in again and open the request once more",
  }),
  device_code_not_found: () => ({
    status: 404,
    message: "There is no such device code",
    hint: "It may have expired; start again on the device",
  }),
  insufficient_scope: () => ({
    status: 403,
    message: "An OAuth client may not do this for a person",
    hint: "Sign in and send your own access token",
    headers: { "WWW-Authenticate": 'Bearer error="insufficient_scope"' },
  }),
  // One-time codes and links, phone numbers, people without a credential.
  otp_expired: () => ({ status: 403, message: "Token has expired or is invalid" }),
  link_expired: () => ({
    status: 403,
    code: "otp_expired",
    message: "Email link is invalid or has expired",
  }),
  banned_here: () => ({ status: 403, code: "user_banned", message: "User is banned" }),
  reauthentication_not_valid: () => ({ status: 422, message: "Nonce has expired or is invalid" }),
  over_email_send_rate_limit: (retryAfterS: number) => ({
    status: 429,
    message: "email rate limit exceeded",
    hint: `Try again in ${retryAfterS} s`,
    headers: { "Retry-After": String(retryAfterS) },
  }),
  over_sms_send_rate_limit: (retryAfterS: number) => ({
    status: 429,
    message: "SMS rate limit exceeded",
    hint: `Try again in ${retryAfterS} s`,
    headers: { "Retry-After": String(retryAfterS) },
  }),
  anonymous_password: () => ({
    status: 422,
    code: "validation_failed",
    message: "Updating password of an anonymous user without an email or phone is not allowed",
    hint: "Add an address, confirm it, then set the password",
  }),
  phone_exists: () => ({
    status: 422,
    message: "A user with this phone number has already been registered",
  }),
  phone_not_confirmed: () => ({ status: 400, message: "Phone not confirmed" }),
  no_address: () => ({
    status: 422,
    code: "validation_failed",
    message: "Reauthentication requires the user to have an email or a phone number",
  }),
});
