/**
 * `/auth/v1/factors/recovery-codes`: a set of eight codes for the day on which every other factor is
 * lost. Shown once, kept as hashes, each good once. They are never a person's only factor.
 */
import type { CurrentUser } from "../accounts/find-current-user.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { limitByIdentity } from "../http/limit-rate.ts";
import { textOf } from "../http/read-json.ts";
import { actorOf, audit } from "../record.ts";
import type { JsonObject } from "../schema.ts";
import type { TokenAnswer } from "../sessions/issue-session.ts";
import { inTransaction } from "../store.ts";
import { usageOf } from "./aal.ts";
import { acceptProof, type Proof } from "./accept-proof.ts";
import { addFactor } from "./enroll-factor.ts";
import { factorErrors } from "./errors.ts";
import { type FactorOwner, requireOwner } from "./factor-owner.ts";
import { createFactorStore, type FactorStore } from "./factor-store.ts";
import { friendlyNameOf } from "./friendly-name.ts";
import { hashRecoveryCode, newRecoveryCodes, normalizeRecoveryCode } from "./recovery-code.ts";
import type { FactorRow } from "./schema.ts";
import { tellOfFactor } from "./tell-of-factor.ts";
import { removeFactor } from "./unenroll-factor.ts";
import { askHook } from "./verify-factor.ts";

const TYPE = "recovery_code";
const DEFAULT_NAME = "Recovery codes";
const FAILURE = "Invalid recovery code entered";

interface CodesAnswer {
  readonly id: string;
  readonly type: typeof TYPE;
  readonly friendly_name: string;
  readonly total: number;
  readonly codes: readonly string[];
}

/** `GET`: how many there are and how many are left. @throws mfa_factor_not_found */
export async function describeRecoveryCodes(
  state: AuthState,
  caller: Caller,
  current: CurrentUser,
) {
  const { user } = requireOwner(current);
  const factors = createFactorStore(state.sql(caller.tenant));
  const factor = await requireCodes(factors, user.id);
  return { id: factor.id, type: TYPE, ...(await factors.countCodes(factor.id)) };
}

/**
 * `POST`: the first set. @throws insufficient_aal, mfa_verified_factor_exists,
 * mfa_recovery_codes_sole_factor, mfa_factor_name_conflict, too_many_enrolled_mfa_factors
 */
export async function generateRecoveryCodes(
  state: AuthState,
  caller: Caller,
  current: CurrentUser,
  body: JsonObject,
): Promise<CodesAnswer> {
  const owner = await begin(state, caller, current, "generate");
  const friendlyName = friendlyNameOf(body) || DEFAULT_NAME;
  const id = state.deps.ids.uuid();
  const codes = newRecoveryCodes(state.deps.rng);
  await inTransaction(state.sql(caller.tenant), async (store, tx) => {
    const factors = createFactorStore(tx);
    await store.lockUser(owner.user.id);
    await requireOthers(factors, owner.user.id);
    const now = state.now();
    const made = {
      id,
      userId: owner.user.id,
      type: TYPE,
      status: "verified",
      phone: null,
    } as const;
    await addFactor(state, store, factors, owner, { ...made, friendlyName, now });
    await factors.replaceCodes(id, codes.map(hashRecoveryCode));
    const traits = { factor_id: id, count: codes.length };
    await audit(state, store, caller, actorOf(owner.user), "recovery_codes_generated", traits);
    await tellOfFactor(state, caller, tx, owner.user, TYPE, "enrolled");
  });
  state.outbox.wake(caller.tenant);
  return { id, type: TYPE, friendly_name: friendlyName, total: codes.length, codes };
}

/** `POST …/regenerate`: a new set in place of the old, and a lock is lifted. @throws insufficient_aal, mfa_factor_not_found */
export async function regenerateRecoveryCodes(
  state: AuthState,
  caller: Caller,
  current: CurrentUser,
): Promise<CodesAnswer> {
  const { user } = await begin(state, caller, current, "regenerate");
  const codes = newRecoveryCodes(state.deps.rng);
  const factor = await inTransaction(state.sql(caller.tenant), async (store, tx) => {
    const factors = createFactorStore(tx);
    await store.lockUser(user.id);
    const found = await requireCodes(factors, user.id);
    await factors.replaceCodes(found.id, codes.map(hashRecoveryCode));
    await factors.clearFailures(found.id);
    const traits = { factor_id: found.id, count: codes.length };
    await audit(state, store, caller, actorOf(user), "recovery_codes_regenerated", traits);
    await tellOfFactor(state, caller, tx, user, TYPE, "replaced");
    return found;
  });
  state.outbox.wake(caller.tenant);
  const { id, friendly_name: name } = factor;
  return { id, type: TYPE, friendly_name: name, total: codes.length, codes };
}

/** `POST …/verify`: one code raises the session to aal2. @throws what `acceptProof` throws */
export async function verifyRecoveryCode(
  state: AuthState,
  caller: Caller,
  current: CurrentUser,
  body: JsonObject,
): Promise<TokenAnswer> {
  const owner = requireOwner(current);
  await limitByIdentity(state, caller, "mfa", owner.user.id, state.config.rate_limit_mfa);
  if (usageOf(state, TYPE) === "off") throw factorErrors.mfa_verify_not_enabled(TYPE);
  const code = normalizeRecoveryCode(textOf(body, "code"));
  if (code === "") throw authErrors.validation_failed("Code needs to be non-empty");
  const factors = createFactorStore(state.sql(caller.tenant));
  const factor = await factors.findRecoveryFactor(owner.user.id);
  if (!factor) throw factorErrors.mfa_verification_failed(FAILURE);
  const hash = hashRecoveryCode(code);
  const proof: Proof = {
    valid: await factors.hasCode(factor.id, hash),
    failure: FAILURE,
    spend: (inTx, _tx, now) => inTx.spendCode(factor.id, hash, now),
  };
  await askHook(state, caller, factor, proof);
  return acceptProof(state, caller, owner, factor, proof);
}

/** `DELETE`: no codes any more. @throws insufficient_aal, mfa_factor_not_found */
export async function deleteRecoveryCodes(
  state: AuthState,
  caller: Caller,
  current: CurrentUser,
): Promise<{ readonly id: string }> {
  const { user, session } = requireOwner(current);
  await limitByIdentity(state, caller, "mfa", user.id, state.config.rate_limit_mfa);
  if (session.aal !== "aal2") {
    throw authErrors.insufficient_aal("AAL2 required to delete recovery codes", 403);
  }
  const id = await inTransaction(state.sql(caller.tenant), async (store, tx) => {
    const factors = createFactorStore(tx);
    await store.lockUser(user.id);
    const factor = await requireCodes(factors, user.id);
    await removeFactor(factors, factor, state.now());
    const traits = { factor_id: factor.id };
    await audit(state, store, caller, actorOf(user), "recovery_codes_deleted", traits);
    await tellOfFactor(state, caller, tx, user, TYPE, "removed");
    return factor.id;
  });
  state.outbox.wake(caller.tenant);
  return { id };
}

async function begin(
  state: AuthState,
  caller: Caller,
  current: CurrentUser,
  what: string,
): Promise<FactorOwner> {
  const owner = requireOwner(current);
  await limitByIdentity(state, caller, "mfa", owner.user.id, state.config.rate_limit_mfa);
  if (usageOf(state, TYPE) !== "on") throw factorErrors.mfa_enroll_not_enabled(TYPE);
  if (owner.session.aal === "aal2") return owner;
  throw authErrors.insufficient_aal(`AAL2 required to ${what} recovery codes`, 403);
}

async function requireCodes(factors: FactorStore, userId: string): Promise<FactorRow> {
  const factor = await factors.findRecoveryFactor(userId);
  if (factor) return factor;
  throw factorErrors.mfa_factor_not_found("The user has not enrolled recovery codes");
}

/** No codes yet, and something else that is verified. */
async function requireOthers(factors: FactorStore, userId: string): Promise<void> {
  const existing = await factors.factorsOf(userId);
  if (existing.some((one) => one.factor_type === TYPE)) {
    throw factorErrors.mfa_verified_factor_exists(
      "Recovery codes are already enrolled for this user, use regenerate to rotate them",
    );
  }
  if (!existing.some((one) => one.status === "verified")) {
    throw factorErrors.mfa_recovery_codes_sole_factor(
      "At least one other verified factor is required to generate recovery codes",
    );
  }
}
