/** Whose factors an operation is about. */
import { type CurrentUser, isUuid } from "../accounts/find-current-user.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import type { SessionRow, UserRow } from "../schema.ts";
import { refuseImpersonated } from "../sessions/impersonation.ts";
import { factorErrors } from "./errors.ts";
import { createFactorStore } from "./factor-store.ts";
import type { FactorRow } from "./schema.ts";

export interface FactorOwner {
  readonly user: UserRow;
  readonly session: SessionRow;
}

/**
 * A person with an account of their own, in a session of ours: a factor raises a session, and an
 * anonymous account has nothing yet to protect.
 * @throws session_not_found, no_authorization, impersonation_not_allowed
 */
export function requireOwner({ user, session }: CurrentUser): FactorOwner {
  refuseImpersonated(session);
  if (user.is_anonymous) throw factorErrors.anonymous_not_allowed();
  if (!session) throw authErrors.session_not_found();
  return { user, session };
}

/** @throws validation_failed for what is no UUID, mfa_factor_not_found also for somebody else's */
export async function findFactor(
  state: AuthState,
  caller: Caller,
  { user }: FactorOwner,
  id: string,
): Promise<FactorRow> {
  if (!isUuid(id)) throw factorErrors.factor_id_invalid();
  const factor = await createFactorStore(state.sql(caller.tenant)).findFactor(id, user.id);
  if (!factor) throw factorErrors.mfa_factor_not_found();
  return factor;
}
