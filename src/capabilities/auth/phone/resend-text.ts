/** `POST /auth/v1/resend` with a phone number: the code of a sign-up, or of a waiting change, anew. */
import type { TransactionSql } from "postgres";
import type { AuthState, Caller } from "../auth-state.ts";
import { auditRequest } from "../mailed/audit-request.ts";
import { limitMessages, mayMessage } from "../mailed/limit-messages.ts";
import { createTokenStore } from "../mailed/store.ts";
import { queueText } from "../messages/queue-message.ts";
import type { TextMessage } from "../messages/send-sms.ts";
import type { JsonObject } from "../schema.ts";
import { type AuthStore, createStore, inTransaction } from "../store.ts";
import { issueText, requirePhoneProvider } from "./issue-text.ts";
import { requirePhone } from "./normalize-phone.ts";
import { findOpenUserByPhone } from "./request-text-otp.ts";

/**
 * @param type `sms`: to the number of an account that is not confirmed yet; `phone_change`: to the
 *   new number of whose number this is.
 * @throws phone_provider_disabled, validation_failed, over_sms_send_rate_limit
 */
export async function resendText(
  state: AuthState,
  caller: Caller,
  text: string,
  type: "sms" | "phone_change",
): Promise<JsonObject> {
  requirePhoneProvider(state);
  const phone = requirePhone(text);
  await limitMessages(state, caller, "sms", phone);
  const sql = state.sql(caller.tenant);
  // A message goes to the new number, whose holder may have asked nobody for anything.
  const waiting = await findOpenUserByPhone(createStore(sql), phone);
  const wished = waiting?.phone_change || `new of ${phone}`;
  const mayWrite = type === "sms" || (await mayMessage(state, caller, "sms", wished));
  const work = { phone, type, wished: mayWrite ? wished : null };
  await inTransaction(sql, async (store, tx) => {
    const text = await issueAgain(state, store, tx, caller, work);
    await queueText(state, caller, tx, text);
  });
  state.outbox.wake(caller.tenant);
  return {};
}

interface Resend {
  readonly phone: string;
  readonly type: "sms" | "phone_change";
  /** The new number that is asked for; null = not now. */
  readonly wished: string | null;
}

async function issueAgain(
  state: AuthState,
  store: AuthStore,
  tx: TransactionSql,
  caller: Caller,
  { phone, type, wished }: Resend,
): Promise<TextMessage | null> {
  const found = await findOpenUserByPhone(store, phone);
  await auditRequest(state, store, caller, "user_confirmation_requested", found, phone);
  if (type === "phone_change") {
    const user = wished !== null && found?.phone_change === wished ? found : null;
    const to = user?.phone_change ?? phone;
    return issueText(state, caller, tx, { kind: "phone_change", to, user });
  }
  const user = found && !found.phone_confirmed_at ? found : null;
  const coming = await createTokenStore(tx).comingAccount(phone, state.now());
  const creates = found ? null : coming;
  // An account that waits came from a sign-up; one that is to come, from a sign-in.
  const kind = user ? "confirmation" : "phone";
  return issueText(state, caller, tx, { kind, to: phone, user, creates });
}
