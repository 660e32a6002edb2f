/** `POST /auth/v1/factors/{id}/verify`: proves a second factor and raises the session to aal2. */
import { type CurrentUser, isUuid } from "../accounts/find-current-user.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { mfaAttempt } from "../hooks/verification-attempts.ts";
import { textOf } from "../http/read-json.ts";
import type { JsonObject } from "../schema.ts";
import type { TokenAnswer } from "../sessions/issue-session.ts";
import { acceptProof, type Proof } from "./accept-proof.ts";
import { usableFactor } from "./challenge-factor.ts";
import { factorErrors } from "./errors.ts";
import { type FactorOwner, requireOwner } from "./factor-owner.ts";
import { createFactorStore } from "./factor-store.ts";
import { provePhone } from "./phone-factor.ts";
import type { ChallengeRow, FactorRow } from "./schema.ts";
import { matchStep, readSeed } from "./totp.ts";
import { proveWebAuthn } from "./webauthn-factor.ts";

const CODE_FAILURE = "Invalid TOTP code entered";

/**
 * @throws what `acceptProof` and `usableFactor` throw, validation_failed, mfa_challenge_expired,
 *   mfa_ip_address_mismatch, mfa_verification_rejected
 */
export async function verifyFactor(
  state: AuthState,
  caller: Caller,
  current: CurrentUser,
  factorId: string,
  body: JsonObject,
): Promise<TokenAnswer> {
  const owner = requireOwner(current);
  const factor = await usableFactor(state, caller, owner, factorId);
  const proof = await prove(state, caller, owner, factor, body);
  await askHook(state, caller, factor, proof);
  return acceptProof(state, caller, owner, factor, proof);
}

/** @throws mfa_verification_rejected: the project's own hook counts, and may refuse */
export function askHook(
  state: AuthState,
  caller: Caller,
  { id, user_id: userId, factor_type: factorType }: FactorRow,
  { valid }: Proof,
): Promise<void> {
  return mfaAttempt(state, caller, { userId, factorId: id, factorType, valid });
}

async function prove(
  state: AuthState,
  caller: Caller,
  owner: FactorOwner,
  factor: FactorRow,
  body: JsonObject,
): Promise<Proof> {
  if (factor.factor_type === "webauthn") {
    const challenge = await findChallenge(state, caller, factor, body);
    return proveWebAuthn(state, caller, owner, factor, challenge, body);
  }
  const code = textOf(body, "code").replaceAll(/\s/g, "");
  if (code === "") throw authErrors.validation_failed("Code needs to be non-empty");
  const challenge = await findChallenge(state, caller, factor, body);
  if (factor.factor_type === "phone") return provePhone(state, caller, challenge, code);
  return proveTotp(state, caller, factor, challenge, code);
}

/** @throws mfa_factor_not_found (422), mfa_ip_address_mismatch, mfa_challenge_expired */
async function findChallenge(
  state: AuthState,
  caller: Caller,
  factor: FactorRow,
  body: JsonObject,
): Promise<ChallengeRow> {
  const id = textOf(body, "challenge_id");
  const factors = createFactorStore(state.sql(caller.tenant));
  const challenge = isUuid(id) ? await factors.findChallenge(id, factor.id) : null;
  if (!challenge) throw factorErrors.mfa_challenge_not_found();
  if (challenge.ip_address !== caller.address) throw factorErrors.mfa_ip_address_mismatch();
  if (challenge.expires_at <= state.now()) {
    await factors.deleteChallenge(challenge.id);
    throw factorErrors.mfa_challenge_expired(challenge.id);
  }
  return challenge;
}

async function proveTotp(
  state: AuthState,
  caller: Caller,
  factor: FactorRow,
  challenge: ChallengeRow,
  code: string,
): Promise<Proof> {
  const seed = await readSeed(state, caller, factor.id);
  const step = seed && (await matchStep(seed, code, state.deps.clock.now()));
  return {
    valid: step !== null,
    failure: CODE_FAILURE,
    async spend(factors) {
      const isFirst = step !== null && (await factors.spendStep(factor.id, step));
      return isFirst && (await factors.deleteChallenge(challenge.id));
    },
  };
}
