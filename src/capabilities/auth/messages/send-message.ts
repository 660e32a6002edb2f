/**
 * Sends a mail to a person: builds the link, then hands it to the `send_email` hook, or fills the
 * template and gives it to the mail port.
 */
import { presentUser } from "../accounts/present-user.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { runHook } from "../hooks/run-hook.ts";
import type { UserRow } from "../schema.ts";
import { createStore } from "../store.ts";
import { linkBase } from "./link-base.ts";
import {
  MESSAGE_KINDS,
  type MessageData,
  type MessageKind,
  type TemplateValues,
} from "./message-kinds.ts";
import { pageLink } from "./page-link.ts";
import { separate } from "./queue-message.ts";

export interface Message {
  readonly kind: MessageKind;
  /** The address. */
  readonly to: string;
  /** The person it is about; null for somebody who has no account yet. */
  readonly user: UserRow | null;
  /** The code to type in. */
  readonly otp?: string;
  /** For the link: the hash as `createOneTimeToken` made it. */
  readonly tokenHash?: string;
  /** Where the link leads in the end; checked already. */
  readonly redirectTo?: string;
  readonly data?: MessageData;
  /**
   * `email_change` with confirmation at both ends: the other message, to the address of now. The
   * hook is told of both at once, as GoTrue does.
   */
  readonly current?: { readonly to: string; readonly otp: string; readonly tokenHash: string };
}

/** Beside what the message itself says. */
interface Sending extends Message {
  readonly base: string | null;
}

/** Whom a message is sent for. */
export type Sender = Pick<Caller, "tenant" | "address">;

/**
 * Waits until the message is handed over: only where the answer may tell whether there is an account
 * (the secret key), and what was done can be done again. All else belongs into the transaction of
 * what it tells of: `queueMessage`.
 * @throws message_not_sent, and what the hook answers in `error`
 */
export async function sendMessage(
  state: AuthState,
  caller: Caller,
  message: Message,
): Promise<void> {
  const base = linkBase(state, caller);
  const isHooked = state.hooks.has("send_email");
  for (const one of separate(state, message)) {
    await deliverMail(state, caller, { ...one, base }).catch((error: unknown) => {
      throw isHooked
        ? error
        : authErrors.message_not_sent(MESSAGE_KINDS[message.kind].title, error);
    });
  }
}

/** By the hook where there is one. */
export function deliverMail(state: AuthState, sender: Sender, message: Sending): Promise<void> {
  const send = state.hooks.has("send_email") ? sendByHook : sendByMail;
  return send(state, sender, message);
}

async function sendByHook(state: AuthState, sender: Sender, message: Sending): Promise<void> {
  const { user, current, kind, redirectTo = "", base } = message;
  const identities = user
    ? await createStore(state.sql(sender.tenant)).identitiesOf([user.id])
    : [];
  const payload = {
    user: user ? presentUser(user, identities) : { email: message.to },
    email_data: {
      // With two messages `token` is the one of the address of now, as GoTrue has it.
      token: current?.otp ?? message.otp ?? "",
      token_hash: message.tokenHash ?? "",
      redirect_to: redirectTo,
      email_action_type: MESSAGE_KINDS[kind].action,
      site_url: base ?? "",
      token_new: current ? (message.otp ?? "") : "",
      token_hash_new: current?.tokenHash ?? "",
      ...message.data,
    },
  };
  await runHook(state, sender.tenant, "send_email", payload, sender.address);
}

async function sendByMail(state: AuthState, sender: Sender, message: Sending): Promise<void> {
  const values = valuesOf(state, message);
  const { subject, text, html } = state.templates.render(message.kind, values);
  const parts = { subject, text, ...(html === "" ? {} : { html }) };
  await state.deps.mail.send(sender.tenant, { to: message.to, ...parts });
}

function valuesOf(state: AuthState, message: Sending): TemplateValues {
  const { user, data = {}, kind } = message;
  return {
    SiteURL: siteUrl(state, message),
    ConfirmationURL: data.link ?? confirmationUrl(message),
    Email: user?.email ?? message.to,
    NewEmail: data.new_email ?? (kind === "email_change" ? message.to : ""),
    OldEmail: data.old_email ?? "",
    Phone: user?.phone ?? "",
    OldPhone: data.old_phone ?? "",
    SendingTo: message.to,
    Token: message.otp ?? "",
    TokenHash: message.tokenHash ?? "",
    RedirectTo: message.redirectTo ?? "",
    Provider: data.provider ?? "",
    FactorType: data.factor_type ?? "",
    Change: data.change ?? "",
    Organization: data.organization ?? "",
    Inviter: data.inviter ?? "",
    Role: data.role ?? "",
    Time: state.now().toISOString(),
    Data: user?.raw_user_meta_data ?? {},
  };
}

/** Empty without a trusted address of this server: the message then has the code only. */
function confirmationUrl({ kind, tokenHash, redirectTo, base }: Sending): string {
  if (tokenHash === undefined || base === null) return "";
  const type = MESSAGE_KINDS[kind].action;
  const page = pageLink(redirectTo, base, { hash: tokenHash, type });
  if (page !== null) return page;
  const query = new URLSearchParams({ token: tokenHash, type });
  if (redirectTo !== undefined && redirectTo !== "") query.set("redirect_to", redirectTo);
  return `${base}/verify?${query.toString()}`;
}

function siteUrl({ config }: AuthState, { base }: Sending): string {
  return config.site_url || (base === null ? "" : new URL(base).origin);
}
