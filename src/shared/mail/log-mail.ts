/**
 * Mail that goes nowhere: for development and tests. The log gets who and what about; the text, which
 * carries links that sign people in, only at debug level. The inbox holds the latest messages whole.
 */
import type { Clock } from "../../core/ports/clock.ts";
import type { Logger } from "../../core/ports/log.ts";
import type { Mail, MailMessage } from "../../core/ports/mail.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import { PerTenant } from "../per-tenant.ts";

export interface KeptMail extends MailMessage {
  /** ISO 8601, UTC. */
  readonly at: string;
}

export interface LogMail extends Mail {
  /** The latest messages, oldest first, at most 100. */
  inbox(tenant: TenantCtx): readonly KeptMail[];
}

const INBOX_MAX = 100;

export interface LogMailOptions {
  readonly log: Logger;
  readonly clock: Clock;
}

export function createLogMail({ log, clock }: LogMailOptions): LogMail {
  const inboxes = new PerTenant<KeptMail[]>(() => []);
  return {
    async send(tenant, message) {
      const inbox = inboxes.of(tenant);
      inbox.push({ ...message, at: new Date(clock.now()).toISOString() });
      if (inbox.length > INBOX_MAX) inbox.shift();
      const { to, subject, text } = message;
      log.info("mail.logged", { tenant: tenant.id, to, subject });
      log.debug("mail.text", { tenant: tenant.id, to, text });
    },
    inbox: (tenant) => [...inboxes.of(tenant)],
  };
}
