/** `/auth/v1/admin/users/{id}/factors`: what the project's server sees and changes of second factors. */
import { isUuid } from "../accounts/find-current-user.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { requireUser } from "../passkeys/manage-passkeys.ts";
import { audit, publish, SERVICE } from "../record.ts";
import type { JsonObject } from "../schema.ts";
import { type AuthStore, createStore, inTransaction } from "../store.ts";
import { factorErrors } from "./errors.ts";
import { createFactorStore, type FactorStore } from "./factor-store.ts";
import { friendlyNameOf } from "./friendly-name.ts";
import type { FactorJson, FactorRow } from "./schema.ts";
import { sweepSeedsSoon } from "./sweep-factors.ts";
import { tellOfFactor } from "./tell-of-factor.ts";
import { removeFactor } from "./unenroll-factor.ts";

/** Oldest first. @throws user_not_found */
export async function adminListFactors(
  state: AuthState,
  caller: Caller,
  userId: string,
): Promise<readonly FactorJson[]> {
  return (await requireUser(state, caller, userId)).factors;
}

/** Changes `friendly_name`. @throws user_not_found, mfa_factor_not_found, mfa_factor_name_conflict */
export async function adminUpdateFactor(
  state: AuthState,
  caller: Caller,
  userId: string,
  factorId: string,
  body: JsonObject,
): Promise<FactorJson> {
  const name = friendlyNameOf(body);
  await change(state, caller, userId, factorId, async (store, factors, factor) => {
    const others = await factors.factorsOf(userId);
    if (others.some((one) => one.id !== factorId && one.friendly_name === name && name !== "")) {
      throw factorErrors.mfa_factor_name_conflict(name);
    }
    await factors.renameFactor(factor.id, name, state.now());
    await audit(state, store, caller, SERVICE, "factor_updated", {
      user_id: userId,
      factor_id: factorId,
    });
  });
  const fresh = await createStore(state.sql(caller.tenant)).findUserById(userId);
  const shown = fresh?.factors.find(({ id }) => id === factorId);
  if (!shown) throw factorErrors.mfa_factor_not_found();
  return shown;
}

/**
 * Removes a factor, for who has lost it; with the last one go recovery codes, too. The person is
 * signed out everywhere when it was verified. @throws user_not_found, mfa_factor_not_found
 */
export async function adminDeleteFactor(
  state: AuthState,
  caller: Caller,
  userId: string,
  factorId: string,
): Promise<{ readonly id: string }> {
  const user = await requireUser(state, caller, userId);
  await change(state, caller, userId, factorId, async (store, factors, factor, tx) => {
    const now = state.now();
    await removeFactor(factors, factor, now);
    const left = await factors.factorsOf(userId);
    const hasOther = left.some(
      (one) => one.factor_type !== "recovery_code" && one.status === "verified",
    );
    const codes = hasOther ? null : await factors.findRecoveryFactor(userId);
    if (codes) await removeFactor(factors, codes, now);
    const data = { user_id: userId, factor_id: factorId, factor_type: factor.factor_type };
    await audit(state, store, caller, SERVICE, "factor_deleted", data);
    if (factor.status !== "verified") return;
    await store.deleteSessions(userId, {});
    await publish(state, tx, caller, "auth.factor_removed", userId, data);
    await tellOfFactor(state, caller, tx, user, factor.factor_type, "removed");
  });
  state.outbox.wake(caller.tenant);
  await sweepSeedsSoon(state, caller);
  return { id: factorId };
}

type Change = (
  store: AuthStore,
  factors: FactorStore,
  factor: FactorRow,
  tx: Parameters<Parameters<typeof inTransaction>[1]>[1],
) => Promise<void>;

async function change(
  state: AuthState,
  caller: Caller,
  userId: string,
  factorId: string,
  work: Change,
): Promise<void> {
  await requireUser(state, caller, userId);
  if (!isUuid(factorId)) throw factorErrors.factor_id_invalid();
  await inTransaction(state.sql(caller.tenant), async (store, tx) => {
    const factors = createFactorStore(tx);
    await store.lockUser(userId);
    const factor = await factors.lockFactor(factorId, userId);
    if (!factor) throw factorErrors.mfa_factor_not_found();
    await work(store, factors, factor, tx);
  });
}
