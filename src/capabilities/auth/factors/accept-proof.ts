/**
 * What follows every answer to a second factor, right or wrong: a wrong one is counted, a right one
 * is spent, the factor counts from now on, the session rises to aal2, and the person's other sessions
 * that no second factor was used in end, because the password that began them may be somebody else's
 * too.
 */
import type { TransactionSql } from "postgres";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { actorOf, audit, publish } from "../record.ts";
import type { IdentityRow, SessionRow, UserRow } from "../schema.ts";
import {
  type IssuedSession,
  raiseSession,
  type TokenAnswer,
  tokenAnswer,
} from "../sessions/issue-session.ts";
import { type AuthStore, inTransaction } from "../store.ts";
import { hasVerifiedFactor } from "./aal.ts";
import { countFailure, lockedForS, refuseLocked } from "./attempts.ts";
import { factorErrors } from "./errors.ts";
import type { FactorOwner } from "./factor-owner.ts";
import { createFactorStore, type FactorStore } from "./factor-store.ts";
import type { FactorRow, FactorType } from "./schema.ts";
import { tellOfFactor } from "./tell-of-factor.ts";

/** How a factor is named in `amr`. */
export const METHODS = {
  totp: "totp",
  webauthn: "mfa/webauthn",
  phone: "mfa/phone",
  recovery_code: "mfa/recovery_code",
} as const satisfies Record<FactorType, string>;

/** An answer that was looked at. */
export interface Proof {
  readonly valid: boolean;
  /** Sentence for a wrong one. */
  readonly failure: string;
  /**
   * Uses up what made it right, in the transaction; false when that was used before. The person and
   * the factor are locked.
   */
  spend(factors: FactorStore, tx: TransactionSql, now: Date): Promise<boolean>;
}

interface Accepted {
  readonly issued: IssuedSession;
  readonly user: UserRow;
  readonly identities: readonly IdentityRow[];
  /** It was enrolled by this. */
  readonly isNew: boolean;
}

/** Returned, not thrown: the count of a wrong answer must be committed. */
type Outcome = Accepted | { readonly lockedForS: number } | { readonly failed: true };

/** One answer and where it is judged. */
interface Trial {
  readonly state: AuthState;
  readonly caller: Caller;
  readonly owner: FactorOwner;
  readonly proof: Proof;
  readonly now: Date;
  readonly store: AuthStore;
  readonly factors: FactorStore;
  readonly tx: TransactionSql;
}

/**
 * @throws mfa_verification_failed, over_request_rate_limit, mfa_recovery_codes_locked,
 *   session_not_found, insufficient_aal for a new factor of who did not use the one they have
 */
export async function acceptProof(
  state: AuthState,
  caller: Caller,
  owner: FactorOwner,
  factor: FactorRow,
  proof: Proof,
): Promise<TokenAnswer> {
  const now = state.now();
  const outcome = await inTransaction(state.sql(caller.tenant), (store, tx) => {
    const factors = createFactorStore(tx);
    return judge({ state, caller, owner, proof, now, store, factors, tx }, factor.id);
  });
  if ("failed" in outcome) throw factorErrors.mfa_verification_failed(proof.failure);
  if ("lockedForS" in outcome) return refuseLocked(factor, outcome.lockedForS);
  if (outcome.isNew) state.outbox.wake(caller.tenant);
  return tokenAnswer(state, caller, outcome.user, outcome.identities, outcome.issued);
}

async function judge(trial: Trial, factorId: string): Promise<Outcome> {
  const { state, caller, owner, proof, now, store, factors, tx } = trial;
  const user = await store.lockUser(owner.user.id);
  const factor = await factors.lockFactor(factorId, owner.user.id);
  if (!user || !factor) throw factorErrors.mfa_factor_not_found();
  const waitS = lockedForS(factor, now);
  if (waitS > 0) return { lockedForS: waitS };
  const session = await factors.lockSession(owner.session.id, user.id);
  if (!session) throw authErrors.session_not_found();
  requireRightToAdd(state, user, session, factor);
  const isRight = proof.valid && (await proof.spend(factors, tx, now));
  await audit(state, store, caller, actorOf(user), "verification_attempted", {
    factor_id: factorId,
    factor_type: factor.factor_type,
    session_id: session.id,
    valid: isRight,
  });
  if (isRight) return accept(trial, user, session, factor);
  await countFailure(state, factors, factor, now);
  return { failed: true };
}

/**
 * A new factor raises a session only where the old ones were used: else who has the password begins
 * an enrolment before the person has a factor, and ends it, as their second factor, afterwards.
 */
function requireRightToAdd(
  state: AuthState,
  user: UserRow,
  session: SessionRow,
  factor: FactorRow,
): void {
  if (factor.status === "verified" || session.aal === "aal2") return;
  if (!hasVerifiedFactor(state, user)) return;
  throw authErrors.insufficient_aal("AAL2 required to enroll a new factor", 403);
}

async function accept(
  trial: Trial,
  user: UserRow,
  session: SessionRow,
  factor: FactorRow,
): Promise<Accepted> {
  const { state, store, factors } = trial;
  await factors.clearFailures(factor.id);
  const isNew = factor.status === "unverified";
  if (isNew) await enlist(trial, user, factor);
  const method = METHODS[factor.factor_type];
  const issued = await raiseSession(state, store, session, method, "aal2", factor.id);
  await factors.endLesserSessions(user.id);
  const fresh = (await store.findUserById(user.id)) ?? user;
  return { issued, user: fresh, identities: await store.identitiesOf([user.id]), isNew };
}

/** The factor counts; other enrolments of its kind that were begun are given up. */
async function enlist(trial: Trial, user: UserRow, factor: FactorRow): Promise<void> {
  const { state, caller, factors, tx, now } = trial;
  await factors.verifyFactor(factor.id, now);
  await factors.deleteUnverified(user.id, factor.factor_type);
  const data = { user_id: user.id, factor_id: factor.id, factor_type: factor.factor_type };
  await publish(state, tx, caller, "auth.factor_added", user.id, data);
  await tellOfFactor(state, caller, tx, user, factor.factor_type, "enrolled");
}
