/**
 * `POST /auth/v1/verify`: spends a code (with the address it went to) or the token of a link, and
 * answers a session. Every way in which it can fail to exist answers the same.
 */
import { requireEmail } from "../accounts/normalize-email.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { limitByAddress, limitByIdentity } from "../http/limit-rate.ts";
import { textOf } from "../http/read-json.ts";
import { requirePhone } from "../phone/normalize-phone.ts";
import type { JsonObject } from "../schema.ts";
import { type TokenAnswer, tokenAnswer } from "../sessions/issue-session.ts";
import { completeToken } from "./complete-token.ts";
import { spendCode, spendLink } from "./one-time-token.ts";
import { addressIn } from "./read-request.ts";
import { kindsOf } from "./token-kinds.ts";

/** What a client shows after the first of two confirmations: GoTrue's answer. */
export const HALF_CONFIRMED =
  "Confirmation link accepted. Please proceed to confirm link sent to the other email";

export type VerifyAnswer = TokenAnswer | { readonly msg: string; readonly code: string };

/** @throws validation_failed, otp_expired, user_banned, email_exists, phone_exists, over_request_rate_limit */
export async function verify(
  state: AuthState,
  caller: Caller,
  body: JsonObject,
): Promise<VerifyAnswer> {
  await limitByAddress(state, caller, "verify", state.config.rate_limit_verify);
  const spend = await readToken(state, caller, body);
  const done = await completeToken(state, caller, spend, false);
  if (done.outcome === "refused") {
    const isLink = textOf(body, "token_hash") !== "" && done.refusal === "otp_expired";
    throw isLink ? authErrors.link_expired() : authErrors[done.refusal]();
  }
  if (done.outcome === "half") return { msg: HALF_CONFIRMED, code: "200" };
  if (done.outcome === "code") throw new Error("a typed code ended in a redirect");
  return tokenAnswer(state, caller, done.user, done.identities, done.issued);
}

type Spend = Parameters<typeof completeToken>[2];

async function readToken(state: AuthState, caller: Caller, body: JsonObject): Promise<Spend> {
  const type = textOf(body, "type");
  const tokenHash = textOf(body, "token_hash");
  const otp = textOf(body, "token");
  if (tokenHash !== "") {
    if (otp !== "" || textOf(body, "email") !== "" || textOf(body, "phone") !== "") {
      throw authErrors.validation_failed("Only the token_hash and type should be provided");
    }
    const kinds = kindsOf(type, "email");
    return (tx) => spendLink(state, tx, tokenHash, kinds);
  }
  if (otp === "") {
    throw authErrors.validation_failed("Verify requires either a token or a token hash");
  }
  const { channel, text } = addressIn(body);
  const kinds = kindsOf(type, channel);
  const sentTo = channel === "email" ? requireEmail(text) : requirePhone(text);
  const limit = state.config.rate_limit_verify_identity;
  await limitByIdentity(state, caller, "verify", sentTo, limit);
  return (tx) => spendCode(state, caller, tx, { kinds, sentTo, otp });
}
