/**
 * Mail through an SMTP server (RFC 5321, RFC 3207, RFC 4954) by nodemailer. One connection a message:
 * mails of an account are few, and a connection that was kept is the one that turns out to be dead.
 */
import { createTransport } from "nodemailer";
import type { Clock } from "../../core/ports/clock.ts";
import type { Ids } from "../../core/ports/ids.ts";
import type { Logger } from "../../core/ports/log.ts";
import type { Inbox, Mail, MailMessage } from "../../core/ports/mail.ts";
import { checkMessage } from "./check-message.ts";
import { mailErrors } from "./errors.ts";
import type { SmtpOptions } from "./smtp-options.ts";

export interface SmtpMailOptions {
  readonly smtp: SmtpOptions;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Logger;
  /** Keeps what is sent, too: in development. */
  readonly inbox: Inbox | null;
}

/** A server that answers just often enough could hold a message for ever. */
const WHOLE_FACTOR = 3;

export function createSmtpMail({ smtp, clock, ids, log, inbox }: SmtpMailOptions): Mail {
  const transport = createTransport(connectionOf(smtp));
  return {
    async send(tenant, message) {
      checkMessage(message);
      const startedAt = clock.monotonic();
      inbox?.keep(tenant, { channel: "mail", ...message });
      const sending = transport.sendMail(composed(smtp, message, ids.uuid(), clock.now()));
      try {
        await within(clock, smtp.timeoutMs * WHOLE_FACTOR, sending);
      } catch (error) {
        throw named(error);
      }
      const durationMs = Math.round(clock.monotonic() - startedAt);
      log.info("mail.sent", { tenant: tenant.id, to: message.to, duration_ms: durationMs });
    },
    inbox,
  };
}

function connectionOf({ host, port, security, login, ca, timeoutMs }: SmtpOptions) {
  return {
    host,
    port,
    secure: security === "tls",
    requireTLS: security === "starttls",
    ignoreTLS: security === "none",
    ...(login ? { auth: { user: login.user, pass: login.password } } : {}),
    tls: { minVersion: "TLSv1.2" as const, ...(ca === null ? {} : { ca }) },
    dnsTimeout: timeoutMs,
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    // A message is what we wrote: nothing in it is a path or an address to be fetched.
    disableFileAccess: true,
    disableUrlAccess: true,
  };
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
  };
}

async function within(clock: Clock, ms: number, sending: Promise<unknown>): Promise<void> {
  let cancel = () => {};
  const late = new Promise<never>((_, reject) => {
    cancel = clock.after(ms, () => reject(new Error(`not taken within ${ms} ms`)));
  });
  try {
    await Promise.race([sending, late]);
  } finally {
    cancel();
    // Past the deadline its end is of no interest; it must not be an unhandled rejection.
    sending.catch(() => undefined);
  }
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
