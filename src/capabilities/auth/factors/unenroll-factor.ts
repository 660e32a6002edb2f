/** `DELETE /auth/v1/factors/{id}`: removes a second factor; sessions that it raised stand at aal1 again. */
import type { CurrentUser } from "../accounts/find-current-user.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { limitByIdentity } from "../http/limit-rate.ts";
import { actorOf, audit, publish } from "../record.ts";
import { inTransaction } from "../store.ts";
import { METHODS } from "./accept-proof.ts";
import { factorErrors } from "./errors.ts";
import { findFactor, requireOwner } from "./factor-owner.ts";
import { createFactorStore, type FactorStore } from "./factor-store.ts";
import type { FactorRow } from "./schema.ts";
import { sweepSeedsSoon } from "./sweep-factors.ts";
import { tellOfFactor } from "./tell-of-factor.ts";

/**
 * @throws mfa_factor_not_found, insufficient_aal for a verified one, mfa_recovery_codes_sole_factor,
 *   validation_failed for recovery codes
 */
export async function unenrollFactor(
  state: AuthState,
  caller: Caller,
  current: CurrentUser,
  factorId: string,
): Promise<{ readonly id: string }> {
  const owner = requireOwner(current);
  const { user, session } = owner;
  await limitByIdentity(state, caller, "mfa", user.id, state.config.rate_limit_mfa);
  const factor = await findFactor(state, caller, owner, factorId);
  refuseUnenrolment(factor, session.aal);
  await inTransaction(state.sql(caller.tenant), async (store, tx) => {
    const factors = createFactorStore(tx);
    await store.lockUser(user.id);
    const locked = await factors.lockFactor(factor.id, user.id);
    if (!locked) throw factorErrors.mfa_factor_not_found();
    refuseUnenrolment(locked, session.aal);
    if (locked.status === "verified") await keepCodesCompany(factors, locked);
    await removeFactor(factors, locked, state.now());
    const { id, status } = locked;
    const traits = { factor_id: id, factor_status: status, session_id: session.id };
    await audit(state, store, caller, actorOf(user), "factor_unenrolled", traits);
    const data = { user_id: user.id, factor_id: id, factor_type: locked.factor_type };
    if (status === "verified") {
      await publish(state, tx, caller, "auth.factor_removed", user.id, data);
      await tellOfFactor(state, caller, tx, user, locked.factor_type, "removed");
    }
  });
  state.outbox.wake(caller.tenant);
  await sweepSeedsSoon(state, caller);
  return { id: factor.id };
}

function refuseUnenrolment(factor: FactorRow, aal: string): void {
  if (factor.factor_type === "recovery_code") {
    throw authErrors.validation_failed(
      "Recovery codes cannot be unenrolled with this endpoint, use DELETE /factors/recovery-codes",
    );
  }
  if (factor.status === "verified" && aal !== "aal2") {
    throw authErrors.insufficient_aal("AAL2 required to unenroll verified factor", 422);
  }
}

/** Recovery codes are never the only factor. */
async function keepCodesCompany(factors: FactorStore, factor: FactorRow): Promise<void> {
  const others = (await factors.factorsOf(factor.user_id)).filter(
    ({ id, status }) => id !== factor.id && status === "verified",
  );
  const onlyCodes = others.length > 0 && others.every((one) => one.factor_type === "recovery_code");
  if (!onlyCodes) return;
  throw factorErrors.mfa_recovery_codes_sole_factor(
    "Recovery codes cannot be the only verified factor. Please enroll another factor before unenrolling this one or delete your recovery codes.",
  );
}

/** Takes the factor and what it proved out of every session. */
export async function removeFactor(
  factors: FactorStore,
  factor: FactorRow,
  now: Date,
): Promise<void> {
  await factors.deleteFactor(factor.id);
  await factors.lowerSessions(factor, METHODS[factor.factor_type], now);
}
