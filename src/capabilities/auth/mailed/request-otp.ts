/**
 * `POST /auth/v1/otp` and `/magiclink`: a code and a link by mail, or a code by text message, that
 * sign a person in. The answer, and the work behind it, is the same whether there is an account or
 * not; an account that is missing is made when the code comes back, never before, so that nobody
 * makes one for an address that is not theirs.
 */
import { checkMetadata } from "../accounts/metadata.ts";
import { requireEmail } from "../accounts/normalize-email.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { requireCaptcha } from "../defence/require-captcha.ts";
import { beginFlow } from "../flows/flow-state.ts";
import { limitByAddress } from "../http/limit-rate.ts";
import { objectOf } from "../http/read-json.ts";
import { queueMessage } from "../messages/queue-message.ts";
import { requestTextOtp } from "../phone/request-text-otp.ts";
import type { JsonObject, UserRow } from "../schema.ts";
import { type AuthStore, inTransaction } from "../store.ts";
import { auditRequest } from "./audit-request.ts";
import { issueMail } from "./issue-mail.ts";
import { limitMessages } from "./limit-messages.ts";
import type { ComingAccount } from "./one-time-token.ts";
import { addressIn, challengeIn } from "./read-request.ts";

/**
 * @param redirectTo from `redirectOf`.
 * @throws validation_failed, captcha_failed, phone_provider_disabled, over_request_rate_limit,
 *   over_email_send_rate_limit, over_sms_send_rate_limit
 */
export async function requestOtp(
  state: AuthState,
  caller: Caller,
  body: JsonObject,
  redirectTo: string | null,
): Promise<JsonObject> {
  await limitByAddress(state, caller, "otp", state.config.rate_limit_otp);
  const { channel, text } = addressIn(body);
  await requireCaptcha(state, caller, body);
  const creates = comingAccount(state, body);
  if (channel === "phone") return requestTextOtp(state, caller, text, creates);
  const email = requireEmail(text);
  await limitMessages(state, caller, "email", email, "entry");
  await inTransaction(state.sql(caller.tenant), async (store, tx) => {
    const user = await findOpenUser(store, email);
    const start = { ...challengeIn(body), method: "magiclink", provider: "email" };
    const flowId = await beginFlow(state, tx, { ...start, userId: user?.id ?? null });
    await auditRequest(state, store, caller, "user_recovery_requested", user, email);
    const kind = user || !creates ? "magiclink" : "confirmation";
    const letter = { kind, to: email, user, creates, redirectTo, flowId } as const;
    await queueMessage(state, caller, tx, await issueMail(state, caller, tx, letter));
  });
  state.outbox.wake(caller.tenant);
  return {};
}

/** The account that an unknown address gets; null when it gets none. */
function comingAccount(state: AuthState, body: JsonObject): ComingAccount | null {
  const metadata = checkMetadata("user_metadata", objectOf(body, "data") ?? {});
  // Absent is true, as for GoTrue.
  const wanted = body["create_user"] !== false;
  return wanted && !state.config.disable_signup ? { user_metadata: metadata } : null;
}

/** Who may get in by mail: not who was removed. Bans are told to who proves to be the person. */
export async function findOpenUser(store: AuthStore, email: string): Promise<UserRow | null> {
  const user = await store.findUserByEmail(email);
  return user && !user.deleted_at ? user : null;
}
