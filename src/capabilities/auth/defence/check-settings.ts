/** What `[auth.captcha]` and `[auth.breached_passwords]` must have to work: told at the start. */
import { StartupError } from "../../../core/startup-error.ts";
import type { AuthConfig } from "../config.ts";
import { requireHttps } from "../hooks/hook-target.ts";

/** @throws StartupError config_invalid */
export function checkDefence({
  captcha,
  breached_passwords: breached,
}: Pick<AuthConfig, "captcha" | "breached_passwords">): void {
  if (captcha.provider !== "" && captcha.secret === "") {
    throw new StartupError({
      code: "config_invalid",
      message: `auth.captcha.provider is '${captcha.provider}', and there is no auth.captcha.secret`,
      hint: "Set REACTOR_AUTH__CAPTCHA__SECRET to the secret key of the captcha's site",
    });
  }
  if (captcha.url !== "") requireHttps("auth.captcha.url", captcha.url);
  if (breached.mode === "online") requireHttps("auth.breached_passwords.url", breached.url);
}
