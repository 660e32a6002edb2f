/** Errors of second factors and passkeys: GoTrue's codes, statuses and sentences. */
import { defineErrors } from "../../../core/errors.ts";
import type { FactorType } from "./schema.ts";

const NAMES = {
  totp: ["totp", "TOTP"],
  webauthn: ["webauthn", "WebAuthn"],
  phone: ["phone", "Phone"],
  recovery_code: ["recovery_codes", "recovery codes"],
} as const satisfies Record<FactorType, readonly [string, string]>;

const retryIn = (retryAfterS: number) => ({
  hint: `Try again in ${retryAfterS} s, or use another factor`,
  headers: { "Retry-After": String(retryAfterS) },
});

export const factorErrors = defineErrors({
  anonymous_not_allowed: () => ({
    status: 403,
    code: "no_authorization",
    message: "Anonymous user not allowed to perform these actions",
  }),
  mfa_enroll_not_enabled: (type: FactorType) => ({
    status: 422,
    code: `mfa_${NAMES[type][0]}_enroll_not_enabled`,
    message: `MFA enroll is disabled for ${NAMES[type][1]}`,
  }),
  mfa_verify_not_enabled: (type: FactorType) => ({
    status: 422,
    code: `mfa_${NAMES[type][0]}_verify_not_enabled`,
    message: `MFA verification is disabled for ${NAMES[type][1]}`,
  }),
  mfa_factor_name_conflict: (name: string) => ({
    status: 422,
    message: `A factor with the friendly name "${name}" for this user already exists`,
    hint: "Unenroll that factor or choose another name",
  }),
  too_many_enrolled_mfa_factors: () => ({
    status: 422,
    message: "Maximum number of verified factors reached, unenroll to continue",
  }),
  mfa_verified_factor_exists: (message: string) => ({ status: 422, message }),
  factor_id_invalid: () => ({
    status: 404,
    code: "validation_failed",
    message: "factor_id must be an UUID",
  }),
  mfa_factor_not_found: (message = "Factor not found") => ({ status: 404, message }),
  mfa_challenge_not_found: () => ({
    status: 422,
    code: "mfa_factor_not_found",
    message: "MFA factor with the provided challenge ID not found",
  }),
  mfa_challenge_expired: (id: string) => ({
    status: 422,
    message: `MFA challenge ${id} has expired, verify against another challenge or create a new challenge.`,
  }),
  mfa_ip_address_mismatch: () => ({
    status: 422,
    message: "Challenge and verify IP addresses mismatch.",
  }),
  mfa_verification_failed: (message: string) => ({ status: 422, message }),
  mfa_locked: (retryAfterS: number) => ({
    status: 429,
    code: "over_request_rate_limit",
    message: "Too many failed verification attempts, try again later",
    ...retryIn(retryAfterS),
  }),
  mfa_recovery_codes_locked: (retryAfterS: number) => ({
    status: 429,
    message: "Too many failed verification attempts, try again later",
    ...retryIn(retryAfterS),
  }),
  mfa_recovery_codes_sole_factor: (message: string) => ({ status: 422, message }),
  passkey_disabled: () => ({
    status: 404,
    message: "Passkeys are disabled",
    hint: "auth.passkeys = true, and auth.site_url or auth.webauthn_rp_id names a domain",
  }),
  passkey_not_found: () => ({
    status: 404,
    code: "validation_failed",
    message: "Passkey not found",
  }),
  too_many_passkeys: () => ({ status: 422, message: "Maximum number of passkeys reached" }),
  webauthn_challenge_not_found: () => ({
    status: 400,
    message: "Challenge not found or already used",
  }),
  webauthn_challenge_expired: () => ({ status: 400, message: "Challenge has expired" }),
  webauthn_verification_failed: (details: string | null, cause?: unknown) => ({
    status: 400,
    message: "Credential verification failed",
    details,
    cause,
  }),
  webauthn_credential_exists: () => ({
    status: 422,
    message: "This credential is already registered",
  }),
});
