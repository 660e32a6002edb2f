/** `POST /auth/v1/factors/{id}/challenge`: asks for a proof of a second factor. */
import type { CurrentUser } from "../accounts/find-current-user.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { limitByIdentity } from "../http/limit-rate.ts";
import { actorOf, audit } from "../record.ts";
import { inTransaction } from "../store.ts";
import { usageOf } from "./aal.ts";
import { lockedForS, refuseLocked } from "./attempts.ts";
import { factorErrors } from "./errors.ts";
import { type FactorOwner, findFactor, requireOwner } from "./factor-owner.ts";
import { createFactorStore } from "./factor-store.ts";
import { preparePhone } from "./phone-factor.ts";
import type { FactorRow, FactorType, NewChallenge } from "./schema.ts";
import { prepareWebAuthn } from "./webauthn-factor.ts";

/** What a kind of factor adds to a challenge, for the row and for the answer. */
export interface Prepared {
  readonly row?: Pick<NewChallenge, "otpHash" | "webauthn">;
  readonly answer?: Readonly<Record<string, unknown>>;
  /** What leaves once the challenge is written. */
  deliver?(): Promise<void>;
}

interface ChallengeAnswer extends Readonly<Record<string, unknown>> {
  readonly id: string;
  readonly type: FactorType;
  /** Seconds since the epoch. */
  readonly expires_at: number;
}

/**
 * @throws mfa_factor_not_found, mfa_*_verify_not_enabled, mfa_*_enroll_not_enabled for a factor that
 *   would only now come to count, over_request_rate_limit also while the factor is locked
 */
export async function challengeFactor(
  state: AuthState,
  caller: Caller,
  current: CurrentUser,
  factorId: string,
): Promise<ChallengeAnswer> {
  const owner = requireOwner(current);
  const factor = await usableFactor(state, caller, owner, factorId);
  const now = state.now();
  const id = state.deps.ids.uuid();
  const prepared = await prepare(state, caller, owner, factor, id);
  const expiresAt = new Date(now.getTime() + state.config.mfa_challenge_ttl_s * 1000);
  const address = caller.address;
  const row = { id, factorId: factor.id, now, expiresAt, address, ...prepared.row };
  await writeChallenge(state, caller, owner, factor, row);
  await prepared.deliver?.();
  const expires = Math.floor(expiresAt.getTime() / 1000);
  return { id, type: factor.factor_type, expires_at: expires, ...prepared.answer };
}

/** The person's factor, if it may be verified here and now. Counts as one try of the minute. */
export async function usableFactor(
  state: AuthState,
  caller: Caller,
  owner: FactorOwner,
  factorId: string,
): Promise<FactorRow> {
  await limitByIdentity(state, caller, "mfa", owner.user.id, state.config.rate_limit_mfa);
  const factor = await findFactor(state, caller, owner, factorId);
  const type = factor.factor_type;
  if (type === "recovery_code") {
    throw authErrors.validation_failed("factor_type needs to be totp, phone, or webauthn");
  }
  const usage = usageOf(state, type);
  if (usage === "off") throw factorErrors.mfa_verify_not_enabled(type);
  if (usage === "verify" && factor.status === "unverified") {
    throw factorErrors.mfa_enroll_not_enabled(type);
  }
  const waitS = lockedForS(factor, state.now());
  if (waitS > 0) refuseLocked(factor, waitS);
  return factor;
}

async function prepare(
  state: AuthState,
  caller: Caller,
  owner: FactorOwner,
  factor: FactorRow,
  challengeId: string,
): Promise<Prepared> {
  if (factor.factor_type === "webauthn") return prepareWebAuthn(state, caller, owner, factor);
  if (factor.factor_type === "phone") {
    return preparePhone(state, caller, owner, factor, challengeId);
  }
  return {};
}

async function writeChallenge(
  state: AuthState,
  caller: Caller,
  { user }: FactorOwner,
  factor: FactorRow,
  row: NewChallenge,
): Promise<void> {
  await inTransaction(state.sql(caller.tenant), async (store, tx) => {
    // The person first, as everywhere: a challenge is written into their row, too.
    await store.lockUser(user.id);
    await createFactorStore(tx).insertChallenge(row);
    const traits = { factor_id: factor.id, factor_status: factor.status };
    await audit(state, store, caller, actorOf(user), "challenge_created", traits);
  });
}
