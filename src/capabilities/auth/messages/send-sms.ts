/** Sends a code to a phone: by the `send_sms` hook, the provider, or into the inbox of development. */
import { presentUser } from "../accounts/present-user.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { runHook } from "../hooks/run-hook.ts";
import type { UserRow } from "../schema.ts";
import { createStore } from "../store.ts";
import type { Sender } from "./send-message.ts";

export interface TextMessage {
  /** E.164 without the plus, as phones are stored, or with it. */
  readonly to: string;
  /** Null for somebody who has no account yet. */
  readonly user: UserRow | null;
  readonly otp: string;
  /** What it is for, for the hook: GoTrue's `sms_type`. */
  readonly type?: "sms" | "phone_change" | "reauthentication" | "mfa";
}

const PHONE = /^\+?[1-9]\d{4,14}$/;
const CODE = /\{\{-?\s*\.(?:Code|Token)\s*-?\}\}/g;

/** True when there is somebody who sends text messages. */
export function canSendSms(state: AuthState): boolean {
  return (
    state.hooks.has("send_sms") || state.sms !== null || state.deps.server.development === true
  );
}

/** @throws phone_provider_disabled when nobody sends; sms_send_failed for what is no number */
export function requireSendable(state: AuthState, { to }: Pick<TextMessage, "to">): void {
  if (!canSendSms(state)) throw authErrors.phone_provider_disabled();
  if (!PHONE.test(to)) throw authErrors.sms_send_failed("Invalid phone number");
}

/**
 * Waits until the provider took it; what need not be waited for is queued: `queueText`.
 * @throws what `requireSendable` throws, sms_send_failed, and what the hook answers in `error`
 */
export async function sendSms(
  state: AuthState,
  caller: Caller,
  message: TextMessage,
): Promise<void> {
  requireSendable(state, message);
  await deliverText(state, caller, message);
}

/** By the hook where there is one. */
export function deliverText(state: AuthState, sender: Sender, message: TextMessage): Promise<void> {
  const send = state.hooks.has("send_sms") ? sendByHook : sendByProvider;
  return send(state, sender, message);
}

async function sendByHook(state: AuthState, sender: Sender, message: TextMessage): Promise<void> {
  const { user, otp, to, type } = message;
  const identities = user
    ? await createStore(state.sql(sender.tenant)).identitiesOf([user.id])
    : [];
  const sms = {
    otp,
    phone: to.replace(/^\+/, ""),
    ...(type === undefined ? {} : { sms_type: type }),
  };
  const payload = { user: user ? presentUser(user, identities) : { phone: sms.phone }, sms };
  await runHook(state, sender.tenant, "send_sms", payload, sender.address);
}

async function sendByProvider(state: AuthState, sender: Sender, message: TextMessage) {
  const to = `+${message.to.replace(/^\+/, "")}`;
  const text = state.config.sms.template.replace(CODE, () => message.otp);
  if (state.sms) await state.sms.send(sender.tenant, { to, text, otp: message.otp });
  state.deps.mail.inbox?.keep(sender.tenant, { channel: "sms", to, subject: "", text });
}
