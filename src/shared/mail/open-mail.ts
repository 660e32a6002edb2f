/** The mail port as `[mail]` says: an SMTP server, or none. */
import type { MailConfig } from "../../core/config/mail-section.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { Ids } from "../../core/ports/ids.ts";
import type { Logger } from "../../core/ports/log.ts";
import type { Mail } from "../../core/ports/mail.ts";
import type { Vault } from "../../core/ports/vault.ts";
import { createInbox } from "./inbox.ts";
import { createLogMail } from "./log-mail.ts";
import { createSmtpMail } from "./smtp-mail.ts";
import { readSmtpOptions } from "./smtp-options.ts";

export interface OpenMailOptions {
  readonly config: MailConfig;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Logger;
  readonly vault: Vault;
  /** Shows messages in the inbox even when they are sent. */
  readonly development: boolean;
}

/** @throws StartupError config_invalid */
export function openMail({ config, clock, ids, log, vault, development }: OpenMailOptions): Mail {
  const inbox = createInbox(clock, ids);
  if (config.smtp_host === "") return createLogMail({ log, inbox, development });
  const smtp = readSmtpOptions(config);
  return createSmtpMail({ smtp, clock, ids, log, vault, inbox: development ? inbox : null });
}
