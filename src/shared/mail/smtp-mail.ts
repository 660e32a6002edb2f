/**
 * Mail through an SMTP server (RFC 5321, RFC 3207, RFC 4954) by the parts of nodemailer that write a
 * message and speak the protocol. One connection a message: mails of an account are few, and a
 * connection that was kept is the one that turns out to be dead.
 */
import MailComposer from "nodemailer/lib/mail-composer";
import type { Clock } from "../../core/ports/clock.ts";
import type { Ids } from "../../core/ports/ids.ts";
import type { Logger } from "../../core/ports/log.ts";
import type { Inbox, Mail, MailMessage } from "../../core/ports/mail.ts";
import type { Vault } from "../../core/ports/vault.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import { settingValue } from "../vault/setting-value.ts";
import { checkMessage } from "./check-message.ts";
import { mailErrors } from "./errors.ts";
import type { SmtpOptions } from "./smtp-options.ts";
import { greet, handOver } from "./smtp-session.ts";

export interface SmtpMailOptions {
  readonly smtp: SmtpOptions;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Logger;
  readonly vault: Vault;
  /** Keeps what is sent, too: in development. */
  readonly inbox: Inbox | null;
}

export function createSmtpMail({ smtp, clock, ids, log, vault, inbox }: SmtpMailOptions): Mail {
  return {
    async send(tenant, message) {
      checkMessage(message);
      inbox?.keep(tenant, { channel: "mail", ...message });
      const startedAt = clock.monotonic();
      const mail = new MailComposer(composed(smtp, message, ids.uuid(), clock.now())).compile();
      const { from, to } = mail.getEnvelope();
      const [recipient] = to;
      // `checkMessage` saw one address; should the composer see another number, nothing is sent.
      if (!from || recipient === undefined || to.length !== 1) {
        throw mailErrors.mail_refused("`to` is not one address");
      }
      try {
        const options = await withPassword(smtp, vault, tenant);
        await handOver(options, clock, { from, to: recipient }, await mail.build());
      } catch (error) {
        throw named(error);
      }
      const durationMs = Math.round(clock.monotonic() - startedAt);
      log.info("mail.sent", { tenant: tenant.id, to: message.to, duration_ms: durationMs });
    },
    async probe(tenant) {
      try {
        await greet(await withPassword(smtp, vault, tenant), clock);
      } catch (error) {
        throw named(error);
      }
    },
    transport: `${smtp.host}:${smtp.port}`,
    inbox,
  };
}

async function withPassword(smtp: SmtpOptions, vault: Vault, tenant: TenantCtx) {
  if (smtp.login === null) return smtp;
  const password = await settingValue(vault, tenant, smtp.login.password);
  return { ...smtp, login: { ...smtp.login, password } };
}

function composed({ from, replyTo }: SmtpOptions, message: MailMessage, id: string, now: number) {
  const domain = from.address.slice(from.address.lastIndexOf("@") + 1);
  return {
    from,
    // As an object: a text would be read as a list of addresses.
    to: { name: "", address: message.to },
    ...(replyTo === null ? {} : { replyTo }),
    subject: message.subject,
    text: message.text,
    ...(message.html === undefined ? {} : { html: message.html }),
    messageId: `<${id}@${domain}>`,
    date: new Date(now),
    // RFC 3834 §5: answering machines leave it alone.
    headers: { "Auto-Submitted": "auto-generated" },
    // A message is what we wrote: nothing in it is a path or an address to be fetched.
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

interface SmtpError extends Error {
  readonly code?: string;
  readonly responseCode?: number;
}

/** RFC 5321 §4.2.1: 5yz will fail again, 4yz and what never got an answer may not. */
function named(error: unknown): Error {
  const { code, responseCode, message } = error as SmtpError;
  const isFinal = responseCode === undefined ? code === "EAUTH" : responseCode >= 500;
  const reason = responseCode === undefined ? (code ?? "no answer") : `SMTP ${responseCode}`;
  const details = `${reason}: ${message.slice(0, 300)}`;
  return isFinal
    ? mailErrors.mail_failed(details, error)
    : mailErrors.mail_unavailable(details, error);
}
