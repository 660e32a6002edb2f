/** `POST /auth/v1/recover`: a link and a code by which a person who forgot the password gets in. */
import { requireEmail } from "../accounts/normalize-email.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { requireCaptcha } from "../defence/require-captcha.ts";
import { authErrors } from "../errors.ts";
import { beginFlow } from "../flows/flow-state.ts";
import { limitByAddress } from "../http/limit-rate.ts";
import { textOf } from "../http/read-json.ts";
import { queueMessage } from "../messages/queue-message.ts";
import type { JsonObject } from "../schema.ts";
import { inTransaction } from "../store.ts";
import { auditRequest } from "./audit-request.ts";
import { issueMail } from "./issue-mail.ts";
import { limitMessages } from "./limit-messages.ts";
import { challengeIn } from "./read-request.ts";
import { findOpenUser } from "./request-otp.ts";

/**
 * Answers the same, after the same work, for an unknown address.
 * @param redirectTo from `redirectOf`.
 * @throws validation_failed, captcha_failed, over_request_rate_limit, over_email_send_rate_limit
 */
export async function recover(
  state: AuthState,
  caller: Caller,
  body: JsonObject,
  redirectTo: string | null,
): Promise<JsonObject> {
  await limitByAddress(state, caller, "recover", state.config.rate_limit_otp);
  const text = textOf(body, "email");
  if (text === "") throw authErrors.validation_failed("Password recovery requires an email");
  await requireCaptcha(state, caller, body);
  const email = requireEmail(text);
  await limitMessages(state, caller, "email", email, "entry");
  await inTransaction(state.sql(caller.tenant), async (store, tx) => {
    const user = await findOpenUser(store, email);
    const start = { ...challengeIn(body), method: "recovery", provider: "email" };
    const flowId = await beginFlow(state, tx, { ...start, userId: user?.id ?? null });
    await auditRequest(state, store, caller, "user_recovery_requested", user, email);
    const letter = { kind: "recovery", to: email, user, redirectTo, flowId } as const;
    await queueMessage(state, caller, tx, await issueMail(state, caller, tx, letter));
  });
  state.outbox.wake(caller.tenant);
  return {};
}
