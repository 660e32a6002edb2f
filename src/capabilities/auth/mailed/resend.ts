/**
 * `POST /auth/v1/resend`: the last confirmation once more, of a sign-up or of a change that waits.
 * Whether anything waited is not told.
 */
import { requireEmail } from "../accounts/normalize-email.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { requireCaptcha } from "../defence/require-captcha.ts";
import { authErrors } from "../errors.ts";
import { beginFlow } from "../flows/flow-state.ts";
import { limitByAddress } from "../http/limit-rate.ts";
import { textOf } from "../http/read-json.ts";
import { queueMessage } from "../messages/queue-message.ts";
import { resendText } from "../phone/resend-text.ts";
import type { JsonObject } from "../schema.ts";
import { createStore, inTransaction } from "../store.ts";
import { auditRequest } from "./audit-request.ts";
import { issueChangeMails } from "./change-email.ts";
import { issueMail } from "./issue-mail.ts";
import { limitMessages, mayMessage } from "./limit-messages.ts";
import { addressIn, challengeIn } from "./read-request.ts";
import { findOpenUser } from "./request-otp.ts";
import { createTokenStore } from "./store.ts";

const TYPES = { email: ["signup", "email_change"], phone: ["sms", "phone_change"] } as const;

interface Resend {
  readonly email: string;
  readonly type: "signup" | "email_change";
  readonly redirectTo: string | null;
  readonly body: JsonObject;
}

/**
 * @param redirectTo from `redirectOf`.
 * @throws validation_failed, captcha_failed, phone_provider_disabled, over_request_rate_limit,
 *   over_email_send_rate_limit, over_sms_send_rate_limit
 */
export async function resend(
  state: AuthState,
  caller: Caller,
  body: JsonObject,
  redirectTo: string | null,
): Promise<JsonObject> {
  await limitByAddress(state, caller, "resend", state.config.rate_limit_otp);
  const type = textOf(body, "type");
  if (![...TYPES.email, ...TYPES.phone].some((known) => known === type)) {
    throw authErrors.validation_failed(
      "Missing one of these types: signup, email_change, sms, phone_change",
    );
  }
  const { channel, text } = addressIn(body);
  await requireCaptcha(state, caller, body);
  if (channel === "phone") {
    if (type !== "sms" && type !== "phone_change") throw wrongAddress("an email address");
    return resendText(state, caller, text, type);
  }
  if (type !== "signup" && type !== "email_change") throw wrongAddress("a phone number");
  const email = requireEmail(text);
  await limitMessages(state, caller, "email", email);
  const work = { email, type, redirectTo, body } as const;
  await (type === "signup" ? resendSignUp : resendChange)(state, caller, work);
  state.outbox.wake(caller.tenant);
  return {};
}

const wrongAddress = (what: string) =>
  authErrors.validation_failed(`Type provided requires ${what}`);

function resendSignUp(state: AuthState, caller: Caller, work: Resend): Promise<void> {
  const { email, redirectTo, body } = work;
  return inTransaction(state.sql(caller.tenant), async (store, tx) => {
    const found = await findOpenUser(store, email);
    const user = found && !found.email_confirmed_at ? found : null;
    const start = { ...challengeIn(body), method: "email/signup", provider: "email" };
    const flowId = await beginFlow(state, tx, { ...start, userId: user?.id ?? null });
    await auditRequest(state, store, caller, "user_confirmation_requested", user, email);
    const creates = await createTokenStore(tx).comingAccount(email, state.now());
    const letter = { kind: "confirmation", to: email, user, redirectTo, flowId } as const;
    const whole = { ...letter, creates: found ? null : creates };
    await queueMessage(state, caller, tx, await issueMail(state, caller, tx, whole));
  });
}

async function resendChange(state: AuthState, caller: Caller, work: Resend): Promise<void> {
  const { email, redirectTo, body } = work;
  const sql = state.sql(caller.tenant);
  // One mail goes to the new address, whose reader may have asked nobody for anything.
  const wished = (await findOpenUser(createStore(sql), email))?.email_change || `new of ${email}`;
  const mayWrite = await mayMessage(state, caller, "email", wished);
  return inTransaction(sql, async (store, tx) => {
    const found = await findOpenUser(store, email);
    const user = mayWrite && found?.email_change === wished ? found : null;
    const start = { ...challengeIn(body), method: "email_change", provider: "email" };
    const flowId = await beginFlow(state, tx, { ...start, userId: user?.id ?? null });
    await auditRequest(state, store, caller, "user_modified", user, email);
    const letter = { kind: "email_change_new", to: email, user: null, redirectTo, flowId } as const;
    const message = user
      ? await issueChangeMails(state, store, tx, caller, user, { redirectTo, flowId })
      : await issueMail(state, caller, tx, letter);
    await queueMessage(state, caller, tx, message);
  });
}
