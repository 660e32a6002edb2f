/**
 * A phone as a second factor: a code by text message, through whoever sends those of sign-ins. Six
 * digits are guessed in no time by who reads the table, so they are hashed under a key that it does
 * not hold.
 */
import { timingSafeEqual } from "node:crypto";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { textOf } from "../http/read-json.ts";
import { limitMessages } from "../mailed/limit-messages.ts";
import { randomDigits } from "../mailed/one-time-token.ts";
import { canSendSms, sendSms } from "../messages/send-sms.ts";
import { requirePhone } from "../phone/normalize-phone.ts";
import type { JsonObject } from "../schema.ts";
import type { Proof } from "./accept-proof.ts";
import type { Prepared } from "./challenge-factor.ts";
import { factorErrors } from "./errors.ts";
import type { FactorOwner } from "./factor-owner.ts";
import type { FactorStore } from "./factor-store.ts";
import type { ChallengeRow, FactorRow } from "./schema.ts";

const DIGITS = 6;
const FAILURE = "Invalid MFA Phone code entered";

/** The number to enrol. @throws validation_failed, mfa_phone_enroll_not_enabled where nobody sends */
export function factorPhoneOf(state: AuthState, body: JsonObject): string {
  if (!canSendSms(state)) throw factorErrors.mfa_enroll_not_enabled("phone");
  const text = textOf(body, "phone");
  if (text !== "") return requirePhone(text);
  throw authErrors.validation_failed("Phone number required to enroll Phone factor");
}

/** Gives up an enrolment of that number that was begun before. @throws mfa_verified_factor_exists */
export async function putAsidePhone(
  factors: FactorStore,
  userId: string,
  phone: string,
): Promise<void> {
  const same = (await factors.factorsOf(userId)).find((one) => one.phone === phone);
  if (same?.status === "verified") {
    throw factorErrors.mfa_verified_factor_exists(
      "A verified phone factor already exists, unenroll the existing factor to continue",
    );
  }
  if (same) await factors.deleteFactor(same.id);
}

/** @throws phone_provider_disabled, over_sms_send_rate_limit; when it leaves: sms_send_failed */
export async function preparePhone(
  state: AuthState,
  caller: Caller,
  { user }: FactorOwner,
  { phone }: FactorRow,
  challengeId: string,
): Promise<Prepared> {
  const to = phone ?? "";
  await limitMessages(state, caller, "sms", to);
  const otp = randomDigits(state.deps.rng, DIGITS);
  return {
    row: { otpHash: await hashCode(state, caller, challengeId, otp) },
    deliver: () => sendSms(state, caller, { to, user, otp, type: "mfa" }),
  };
}

export async function provePhone(
  state: AuthState,
  caller: Caller,
  { id, otp_hash: kept }: ChallengeRow,
  code: string,
): Promise<Proof> {
  const hash = await hashCode(state, caller, id, code);
  return {
    valid: kept !== null && timingSafeEqual(hash, kept),
    failure: FAILURE,
    spend: (factors) => factors.deleteChallenge(id),
  };
}

async function hashCode(
  state: AuthState,
  caller: Caller,
  challengeId: string,
  code: string,
): Promise<Uint8Array> {
  const { secretKey } = await state.deps.project(caller.tenant);
  const hmac = new Bun.CryptoHasher("sha256", secretKey);
  return hmac.update(`reactor.auth.mfa_phone_code:${challengeId}:${code}`).digest();
}
