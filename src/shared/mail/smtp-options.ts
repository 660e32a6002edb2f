/** From `[mail]` to what a connection needs, with everything refused that would send in the clear unasked. */
import { readFileSync } from "node:fs";
import type { MailConfig } from "../../core/config/mail-section.ts";
import { StartupError } from "../../core/startup-error.ts";
import { isAddress, isHeaderText } from "./check-message.ts";

export interface SmtpOptions {
  readonly host: string;
  readonly port: number;
  readonly security: "tls" | "starttls" | "none";
  readonly login: { readonly user: string; readonly password: string } | null;
  /** PEM; null = the system's authorities. */
  readonly ca: string | null;
  readonly timeoutMs: number;
  readonly from: { readonly address: string; readonly name: string };
  readonly replyTo: string | null;
}

const LOOPBACK = /^(?:localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|::1)$/;
const HOST = /^[A-Za-z0-9._:-]{1,253}$/;
const TLS_PORT = 465;

/** @throws StartupError config_invalid */
export function readSmtpOptions(config: MailConfig): SmtpOptions {
  const host = config.smtp_host;
  const security = securityOf(config);
  check("smtp_host", HOST.test(host), "Give a name or an address, without scheme or port");
  check("from", isAddress(config.from), "Give the address that mails come from");
  check("from_name", isHeaderText(config.from_name), "Give a name on one line");
  const replyTo = config.reply_to;
  check("reply_to", replyTo === "" || isAddress(replyTo), "Give one address, or leave it empty");
  const isAlone = (config.smtp_user === "") === (config.smtp_password === "");
  check("smtp_password", isAlone, "Set both smtp_user and smtp_password, or neither");
  const isSafe = config.smtp_user === "" || security !== "none" || LOOPBACK.test(host);
  check("smtp_security", isSafe, "A password is not sent in the clear to another machine");
  return {
    host,
    port: config.smtp_port,
    security,
    login:
      config.smtp_user === "" ? null : { user: config.smtp_user, password: config.smtp_password },
    ca: config.smtp_ca === "" ? null : readAuthority(config.smtp_ca),
    timeoutMs: config.smtp_timeout_ms,
    from: { address: config.from, name: config.from_name },
    replyTo: replyTo === "" ? null : replyTo,
  };
}

function securityOf({
  smtp_security: asked,
  smtp_port: port,
  smtp_host: host,
}: MailConfig): SmtpOptions["security"] {
  if (asked !== "auto") return asked;
  if (port === TLS_PORT) return "tls";
  return LOOPBACK.test(host) ? "none" : "starttls";
}

function check(key: string, isFine: boolean, hint: string): void {
  if (isFine) return;
  throw new StartupError({
    code: "config_invalid",
    message: `mail.${key} is missing, or cannot be used as it is`,
    hint,
  });
}

function readAuthority(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new StartupError({
      code: "config_invalid",
      message: `mail.smtp_ca '${path}' cannot be read`,
      hint: "Give a PEM file that the server may read",
      cause,
    });
  }
}
