/**
 * A new phone number: kept beside the old one until a code sent to it comes back, unless
 * `auth.sms_autoconfirm`. A number that somebody else has answers the same and gets no message.
 */
import type { TransactionSql } from "postgres";
import type { AuthState, Caller } from "../auth-state.ts";
import { providersPatch } from "../identities/providers-of.ts";
import { type SpentToken, voidTokens } from "../mailed/one-time-token.ts";
import { queueMessage } from "../messages/queue-message.ts";
import type { TextMessage } from "../messages/send-sms.ts";
import { actorOf, audit, publish } from "../record.ts";
import type { UserRow } from "../schema.ts";
import type { AuthStore } from "../store.ts";
import { issueText } from "./issue-text.ts";
import { putPhoneIdentity } from "./store.ts";

export type PhoneChange = { readonly user: UserRow } | "otp_expired" | "phone_exists";

/** Notes the wish, in place of one that waited, and writes the code. The user's row is locked. */
export async function requestPhoneChange(
  state: AuthState,
  store: AuthStore,
  tx: TransactionSql,
  caller: Caller,
  user: UserRow,
  phone: string,
): Promise<{ readonly user: UserRow; readonly text: TextMessage | null }> {
  const now = state.now();
  const patch = { phone_change: phone, phone_change_sent_at: now, updated_at: now };
  const waiting = (await store.updateUser(user.id, patch)) ?? user;
  const letter = { kind: "phone_change", to: phone, user: waiting } as const;
  const text = await issueText(state, caller, tx, letter);
  const isTaken = (await store.findUserByPhone(phone)) !== null;
  return { user: waiting, text: isTaken ? null : text };
}

/** A spent code makes the change that waited. */
export async function confirmPhoneChange(
  state: AuthState,
  store: AuthStore,
  tx: TransactionSql,
  caller: Caller,
  user: UserRow,
  { sentTo }: SpentToken,
): Promise<PhoneChange> {
  if (user.phone_change !== sentTo) return "otp_expired";
  // Whoever began without a credential and does not hold this phone stays outside.
  if (user.is_anonymous) await store.deleteSessions(user.id, {});
  return applyPhoneChange(state, store, tx, caller, user, sentTo);
}

/** Gives the account its new number. */
export async function applyPhoneChange(
  state: AuthState,
  store: AuthStore,
  tx: TransactionSql,
  caller: Caller,
  user: UserRow,
  phone: string,
): Promise<PhoneChange> {
  const now = state.now();
  const { ids } = state.deps;
  const own = { phone, phone_confirmed_at: now, phone_change: "", is_anonymous: false };
  if (!(await store.updateUser(user.id, { ...own, updated_at: now }))) return "phone_exists";
  const identity = { id: ids.uuid(), userId: user.id, phone, verified: true, now };
  await putPhoneIdentity(tx, identity);
  await voidTokens(tx, user.id, ["phone", "phone_change"]);
  const changed = await store.updateUser(user.id, {
    ...providersPatch(user, await store.identitiesOf([user.id])),
    raw_user_meta_data: { ...user.raw_user_meta_data, phone, phone_verified: true },
    updated_at: now,
  });
  await audit(state, store, caller, actorOf(changed ?? user), "user_modified", {
    changed: "phone",
  });
  const data = { user_id: user.id };
  await publish(state, tx, caller, "auth.user_phone_changed", user.id, data);
  await tellOfNewPhone(state, caller, tx, changed ?? user, user.phone);
  return { user: changed ?? user };
}

/** By mail: whoever took an account over does not add their own phone to it unnoticed. */
async function tellOfNewPhone(
  state: AuthState,
  caller: Caller,
  tx: TransactionSql,
  user: UserRow,
  oldPhone: string | null,
): Promise<void> {
  if (!user.email || !user.email_confirmed_at) return;
  const data = { old_phone: oldPhone ?? "" };
  await queueMessage(state, caller, tx, { kind: "phone_changed", to: user.email, user, data });
}
