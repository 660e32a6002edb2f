/** `POST /auth/v1/otp` with a phone number: a code by text message that signs the person in. */
import type { AuthState, Caller } from "../auth-state.ts";
import { auditRequest } from "../mailed/audit-request.ts";
import { limitMessages } from "../mailed/limit-messages.ts";
import type { ComingAccount } from "../mailed/one-time-token.ts";
import { queueText } from "../messages/queue-message.ts";
import type { JsonObject, UserRow } from "../schema.ts";
import { type AuthStore, inTransaction } from "../store.ts";
import { issueText, requirePhoneProvider } from "./issue-text.ts";
import { requirePhone } from "./normalize-phone.ts";

/**
 * Answers the same for a number without an account.
 * @param creates the account that such a number gets; null = none.
 * @throws phone_provider_disabled, validation_failed, over_sms_send_rate_limit
 */
export async function requestTextOtp(
  state: AuthState,
  caller: Caller,
  text: string,
  creates: ComingAccount | null,
): Promise<JsonObject> {
  requirePhoneProvider(state);
  const phone = requirePhone(text);
  await limitMessages(state, caller, "sms", phone, "entry");
  await inTransaction(state.sql(caller.tenant), async (store, tx) => {
    const user = await findOpenUserByPhone(store, phone);
    await auditRequest(state, store, caller, "user_recovery_requested", user, phone);
    const letter = { kind: "phone", to: phone, user, creates } as const;
    await queueText(state, caller, tx, await issueText(state, caller, tx, letter));
  });
  state.outbox.wake(caller.tenant);
  return {};
}

export async function findOpenUserByPhone(
  store: AuthStore,
  phone: string,
): Promise<UserRow | null> {
  const user = await store.findUserByPhone(phone);
  return user && !user.deleted_at ? user : null;
}
