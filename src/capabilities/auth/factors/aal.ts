/**
 * Authenticator assurance levels (NIST SP 800-63B-4 §2). A person who has a verified second factor
 * must have used one in this session before a change that could lock them out or let somebody in:
 * a stolen password, or mailbox, alone must not be enough to get rid of the second factor.
 */
import type { CurrentUser } from "../accounts/find-current-user.ts";
import type { AuthState } from "../auth-state.ts";
import type { AuthConfig } from "../config.ts";
import { authErrors } from "../errors.ts";
import type { UserRow } from "../schema.ts";
import { refuseImpersonated } from "../sessions/impersonation.ts";
import type { FactorType } from "./schema.ts";

const SETTING = {
  totp: "mfa_totp",
  webauthn: "mfa_webauthn",
  phone: "mfa_phone",
  recovery_code: "mfa_recovery_codes",
} as const satisfies Record<FactorType, keyof AuthConfig>;

/** `off` factors can be neither enrolled nor verified, and so cannot be asked for. */
export const usageOf = (state: AuthState, type: FactorType) => state.config[SETTING[type]];

/** True when the person has proven to hold a second factor that can still be verified here. */
export function hasVerifiedFactor(state: AuthState, user: UserRow): boolean {
  return user.factors.some(
    ({ status, factor_type: type }) => status === "verified" && usageOf(state, type) !== "off",
  );
}

/**
 * Refuses a sensitive change in a session that has not seen the person's second factor. People
 * without a factor pass; a token that names no session does not count as a second factor.
 * @param what the change, as it completes "AAL2 session is required to …".
 * @throws impersonation_not_allowed, insufficient_aal (401, as GoTrue answers on `PUT /user`)
 */
export function requireAal2(
  state: AuthState,
  { user, session }: CurrentUser,
  what = "make this change when MFA is enabled",
): void {
  refuseImpersonated(session);
  if (!hasVerifiedFactor(state, user) || session?.aal === "aal2") return;
  throw authErrors.insufficient_aal(`AAL2 session is required to ${what}.`, 401);
}
