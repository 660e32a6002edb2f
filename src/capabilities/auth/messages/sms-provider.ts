/** Who sends text messages, as `[auth.sms]` says. */

import type { Deps } from "../../../core/capability.ts";
import { StartupError } from "../../../core/startup-error.ts";
import type { TenantCtx } from "../../../core/tenant.ts";
import { settingValue } from "../../../shared/vault/setting-value.ts";
import { authErrors } from "../errors.ts";
import { callWebhook } from "../hooks/call-webhook.ts";
import { requireHttps } from "../hooks/hook-target.ts";
import { readSecrets } from "../hooks/sign-webhook.ts";
import type { SmsConfig } from "./config.ts";
import { sendByTwilio } from "./twilio.ts";

export interface OutgoingSms {
  /** E.164 with the plus. */
  readonly to: string;
  readonly text: string;
  readonly otp: string;
}

export interface SmsProvider {
  /** Resolves when the provider took it. @throws sms_send_failed */
  send(tenant: TenantCtx, message: OutgoingSms): Promise<void>;
}

type SmsDeps = Pick<Deps, "clock" | "ids" | "vault">;

/** Built once; null when there is none. @throws StartupError config_invalid */
export function openSmsProvider(config: SmsConfig, deps: SmsDeps): SmsProvider | null {
  if (config.provider === "webhook") return webhook(config, deps);
  if (config.provider === "twilio") return twilio(config, deps);
  return null;
}

function webhook(config: SmsConfig, deps: SmsDeps): SmsProvider {
  const url = requireHttps("auth.sms.webhook_url", config.webhook_url);
  const secrets = readSecrets("auth.sms.webhook_secrets", config.webhook_secrets, deps.vault);
  needs("webhook_secrets", config.webhook_secrets !== "");
  return {
    async send(tenant, { to, text, otp }) {
      const body = JSON.stringify({ to, message: text, otp });
      try {
        const signing = { secrets: await secrets(tenant), timeoutMs: config.timeout_ms };
        await callWebhook(deps, { url, body, ...signing });
      } catch (cause) {
        throw authErrors.sms_send_failed("Error sending confirmation OTP to provider", cause);
      }
    },
  };
}

function twilio(config: SmsConfig, deps: SmsDeps): SmsProvider {
  needs("twilio_account_sid", /^AC[0-9a-fA-F]{32}$/.test(config.twilio_account_sid));
  needs("twilio_auth_token", config.twilio_auth_token !== "");
  needs("twilio_from", /^(?:\+[1-9]\d{1,14}|MG[0-9a-fA-F]{32})$/.test(config.twilio_from));
  const origin = new URL(requireHttps("auth.sms.twilio_url", config.twilio_url)).origin;
  return {
    async send(tenant, message) {
      const token = await settingValue(deps.vault, tenant, config.twilio_auth_token);
      await sendByTwilio(deps.clock, { ...config, origin, twilio_auth_token: token }, message);
    },
  };
}

function needs(key: string, isThere: boolean): void {
  if (isThere) return;
  throw new StartupError({
    code: "config_invalid",
    message: `auth.sms.${key} is missing, or has not its form`,
    hint: "docs/configuration.md says what it looks like",
  });
}
