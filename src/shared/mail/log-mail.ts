/**
 * Mail that goes nowhere: for development and tests, and where no SMTP server is configured. The log
 * gets who and what about; the text, which carries links that sign people in, stays in the inbox.
 */
import type { Logger } from "../../core/ports/log.ts";
import type { Inbox, Mail } from "../../core/ports/mail.ts";
import { checkMessage } from "./check-message.ts";

export interface LogMail extends Mail {
  readonly inbox: Inbox;
}

export interface LogMailOptions {
  readonly log: Logger;
  readonly inbox: Inbox;
  /** Nobody expects a mail to arrive. */
  readonly development: boolean;
}

const HINT = "Set mail.smtp_host; until then messages are only shown at /auth/ui/_inbox";

export function createLogMail({ log, inbox, development }: LogMailOptions): LogMail {
  return {
    async send(tenant, message) {
      checkMessage(message);
      inbox.keep(tenant, { channel: "mail", ...message });
      const { to, subject } = message;
      const told = { tenant: tenant.id, to, subject };
      if (development) log.info("mail.kept", told);
      else log.warn("mail.not_sent", { ...told, hint: HINT });
    },
    probe: () => Promise.resolve(),
    transport: null,
    inbox,
  };
}
