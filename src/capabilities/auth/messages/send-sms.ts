/** Sends a code to a phone: by the `send_sms` hook, the provider, or into the inbox of development. */
import { presentUser } from "../accounts/present-user.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { runHook } from "../hooks/run-hook.ts";
import type { UserRow } from "../schema.ts";
import { createStore } from "../store.ts";

export interface TextMessage {
  /** E.164 without the plus, as phones are stored, or with it. */
  readonly to: string;
  /** Null for somebody who has no account yet. */
  readonly user: UserRow | null;
  readonly otp: string;
  /** What it is for, for the hook: GoTrue's `sms_type`. */
  readonly type?: "sms" | "phone_change" | "reauthentication" | "mfa";
  /** Waits until the provider took it, and throws when it does not. Default false. */
  readonly wait?: boolean;
}

const PHONE = /^\+?[1-9]\d{4,14}$/;
const CODE = /\{\{-?\s*\.(?:Code|Token)\s*-?\}\}/g;

/** True when there is somebody who sends text messages. */
export function canSendSms(state: AuthState): boolean {
  return (
    state.hooks.has("send_sms") || state.sms !== null || state.deps.server.development === true
  );
}

/**
 * Returns at once unless `wait`.
 * @throws phone_provider_disabled when nobody sends; with `wait`: sms_send_failed, and what the hook
 *   answers in `error`
 */
export async function sendSms(
  state: AuthState,
  caller: Caller,
  message: TextMessage,
): Promise<void> {
  if (!canSendSms(state)) throw authErrors.phone_provider_disabled();
  if (!PHONE.test(message.to)) throw authErrors.sms_send_failed("Invalid phone number");
  const deliver = () =>
    state.hooks.has("send_sms")
      ? sendByHook(state, caller, message)
      : sendByProvider(state, caller, message);
  if (message.wait === true) await deliver();
  else state.outbox.add("sms", deliver);
}

async function sendByHook(state: AuthState, caller: Caller, message: TextMessage): Promise<void> {
  const { user, otp, to, type } = message;
  const identities = user
    ? await createStore(state.sql(caller.tenant)).identitiesOf([user.id])
    : [];
  const sms = {
    otp,
    phone: to.replace(/^\+/, ""),
    ...(type === undefined ? {} : { sms_type: type }),
  };
  const payload = { user: user ? presentUser(user, identities) : { phone: sms.phone }, sms };
  await runHook(state, caller.tenant, "send_sms", payload, caller.address);
}

async function sendByProvider(state: AuthState, caller: Caller, message: TextMessage) {
  const to = `+${message.to.replace(/^\+/, "")}`;
  const text = state.config.sms.template.replace(CODE, () => message.otp);
  if (state.sms) await state.sms.send(caller.tenant, { to, text, otp: message.otp });
  state.deps.mail.inbox?.keep(caller.tenant, { channel: "sms", to, subject: "", text });
}
