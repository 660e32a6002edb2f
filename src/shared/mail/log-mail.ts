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
}

export function createLogMail({ log, inbox }: LogMailOptions): LogMail {
  return {
    async send(tenant, message) {
      checkMessage(message);
      inbox.keep(tenant, { channel: "mail", ...message });
      const { to, subject } = message;
      log.info("mail.logged", { tenant: tenant.id, to, subject });
    },
    inbox,
  };
}
