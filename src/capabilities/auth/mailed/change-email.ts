/**
 * A new e-mail address: kept beside the old one until who reads mail there has confirmed it, and,
 * with `auth.secure_email_change`, who reads mail at the old one too (in any order). An address that
 * somebody else has answers the same and is never written to.
 */
import type { TransactionSql } from "postgres";
import type { AuthState, Caller } from "../auth-state.ts";
import { providersPatch } from "../identities/providers-of.ts";
import { queueMessage } from "../messages/queue-message.ts";
import type { Message } from "../messages/send-message.ts";
import { actorOf, audit, publish } from "../record.ts";
import type { UserRow } from "../schema.ts";
import type { AuthStore } from "../store.ts";
import { type CodeMessage, issueMail } from "./issue-mail.ts";
import { type SpentToken, voidTokens } from "./one-time-token.ts";

/** `auth.users.email_change_confirm_status`. */
const CONFIRMED_AT = { nowhere: 0, new: 1, current: 2 } as const;

interface MailTarget {
  readonly redirectTo: string | null;
  readonly flowId: string | null;
}

/** Notes the wish, in place of one that waited, and writes the mails. The user's row is locked. */
export async function requestEmailChange(
  state: AuthState,
  store: AuthStore,
  tx: TransactionSql,
  caller: Caller,
  user: UserRow,
  email: string,
  target: MailTarget,
): Promise<{ readonly user: UserRow; readonly message: Message | null }> {
  const now = state.now();
  const wished = await store.updateUser(user.id, {
    email_change: email,
    email_change_sent_at: now,
    email_change_confirm_status: CONFIRMED_AT.nowhere,
    updated_at: now,
  });
  const waiting = wished ?? user;
  return {
    user: waiting,
    message: await issueChangeMails(state, store, tx, caller, waiting, target),
  };
}

/** Tokens for what is still unconfirmed; null when nobody can be written to. */
export async function issueChangeMails(
  state: AuthState,
  store: AuthStore,
  tx: TransactionSql,
  caller: Caller,
  user: UserRow,
  target: MailTarget,
): Promise<Message | null> {
  const email = user.email_change ?? "";
  const status = user.email_change_confirm_status;
  const issue = (kind: "email_change_new" | "email_change_current", to: string) =>
    issueMail(state, caller, tx, { kind, to, user, ...target });
  const fresh = status === CONFIRMED_AT.new ? null : await issue("email_change_new", email);
  const asksBoth = state.config.secure_email_change && user.email !== null;
  const asked = asksBoth && status !== CONFIRMED_AT.current;
  const current = asked ? await issue("email_change_current", user.email ?? "") : null;
  const isTaken = (await store.findUserByEmail(email)) !== null;
  return joinMails(isTaken ? null : fresh, current, email);
}

/** One message for both, because the hook is told of both at once. */
function joinMails(fresh: CodeMessage | null, current: CodeMessage | null, newEmail: string) {
  const data = { new_email: newEmail };
  if (!fresh || !current) {
    const one = fresh ?? current;
    return one && { ...one, data };
  }
  const { to, otp, tokenHash } = current;
  return { ...fresh, data, current: { to, otp, tokenHash } };
}

export type ChangeOutcome = { readonly user: UserRow } | "half" | "otp_expired" | "email_exists";

/** Takes one confirmation into account; the last one makes the change. */
export async function confirmEmailChange(
  state: AuthState,
  store: AuthStore,
  tx: TransactionSql,
  caller: Caller,
  user: UserRow,
  spent: SpentToken,
): Promise<ChangeOutcome> {
  const isNew = spent.kind === "email_change_new";
  const awaited = isNew ? user.email_change : user.email;
  if (!user.email_change || spent.sentTo !== awaited) return "otp_expired";
  const status = user.email_change_confirm_status;
  const other = isNew ? CONFIRMED_AT.current : CONFIRMED_AT.new;
  const asksBoth = state.config.secure_email_change && user.email !== null;
  // A current address alone never makes the change, whatever the setting has become meanwhile.
  if (status !== other && (asksBoth || !isNew)) {
    const confirmed = isNew ? CONFIRMED_AT.new : CONFIRMED_AT.current;
    const patch = { email_change_confirm_status: confirmed, updated_at: state.now() };
    await store.updateUser(user.id, patch);
    return "half";
  }
  return applyEmailChange(state, store, tx, caller, user, user.email_change);
}

/** Gives the account its new address, which its person was shown to read. */
async function applyEmailChange(
  state: AuthState,
  store: AuthStore,
  tx: TransactionSql,
  caller: Caller,
  user: UserRow,
  email: string,
): Promise<ChangeOutcome> {
  const now = state.now();
  const { ids } = state.deps;
  const changed = await store.updateUser(user.id, {
    email,
    email_confirmed_at: now,
    proven_email: email,
    ...CHANGE_OVER,
    is_anonymous: false,
    raw_user_meta_data: { ...user.raw_user_meta_data, email, email_verified: true },
    updated_at: now,
  });
  if (!changed) return "email_exists";
  await store.putEmailIdentity(ids.uuid(), user.id, email, true, now);
  const ways = providersPatch(user, await store.identitiesOf([user.id]));
  const done = await store.updateUser(user.id, { ...ways, updated_at: now });
  // What was sent to the old address opens nothing any more.
  await voidTokens(tx, user.id);
  // Whoever began without a credential and never read this mailbox stays outside.
  if (user.is_anonymous) await store.deleteSessions(user.id, {});
  await audit(state, store, caller, actorOf(changed), "user_modified", {
    changed: "email",
  });
  const data = { user_id: user.id };
  await publish(state, tx, caller, "auth.user_email_changed", user.id, data);
  await tellOldAddress(state, caller, tx, changed, user.email);
  return { user: done ?? changed };
}

/** Whoever took an account over cannot move it to another mailbox unnoticed (OWASP ASVS 5.0, 6.3.7). */
async function tellOldAddress(
  state: AuthState,
  caller: Caller,
  tx: TransactionSql,
  user: UserRow,
  oldEmail: string | null,
): Promise<void> {
  if (!oldEmail) return;
  const data = { old_email: oldEmail, new_email: user.email ?? "" };
  await queueMessage(state, caller, tx, { kind: "email_changed", to: oldEmail, user, data });
}

/** No change of the address waits. */
export const CHANGE_OVER = {
  email_change: "",
  email_change_confirm_status: CONFIRMED_AT.nowhere,
} as const;

/** Neither the address nor the number waits for a change: what somebody else has asked for is over. */
export const NOTHING_WAITS = { ...CHANGE_OVER, phone_change: "" } as const;
