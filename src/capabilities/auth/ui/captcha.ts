/**
 * The captcha on the pages: the provider's own widget, which is the one thing that they load from
 * elsewhere, and only where one is configured with its site key. The form sends what the widget puts
 * into it.
 */
import type { AuthState } from "../auth-state.ts";
import type { JsonObject } from "../schema.ts";
import { type Html, html } from "./html.ts";
import type { Form } from "./read-form.ts";

interface Widget {
  readonly script: string;
  /** Where the script looks for a place to show itself. */
  readonly className: string;
  /** The input that it adds to the form. */
  readonly field: string;
  /** What it needs of the page's Content-Security-Policy, by directive. */
  readonly sources: Readonly<Record<string, string>>;
}

const HCAPTCHA = "https://hcaptcha.com https://*.hcaptcha.com";
const TURNSTILE = "https://challenges.cloudflare.com";

const WIDGETS: Readonly<Record<"hcaptcha" | "turnstile", Widget>> = {
  // developers.cloudflare.com/turnstile, "Content Security Policy"
  turnstile: {
    script: `${TURNSTILE}/turnstile/v0/api.js`,
    className: "cf-turnstile",
    field: "cf-turnstile-response",
    sources: { "script-src": TURNSTILE, "frame-src": TURNSTILE },
  },
  // docs.hcaptcha.com, "Content-Security-Policy Settings"
  hcaptcha: {
    script: "https://js.hcaptcha.com/1/api.js",
    className: "h-captcha",
    field: "h-captcha-response",
    sources: {
      "script-src": HCAPTCHA,
      "frame-src": HCAPTCHA,
      "style-src": HCAPTCHA,
      "connect-src": HCAPTCHA,
    },
  },
};

/** Null: none is configured, or no site key to show it with. */
export function captchaWidget({ config }: AuthState): Widget | null {
  const { provider, site_key: siteKey } = config.captcha;
  return provider === "" || siteKey === "" ? null : WIDGETS[provider];
}

/** For inside a form; the page says `captcha: true`. */
export function captchaField(state: AuthState): Html | null {
  const widget = captchaWidget(state);
  if (!widget) return null;
  return html`<div class="${widget.className}" data-sitekey="${state.config.captcha.site_key}"></div>
<noscript><p>This form needs JavaScript, to see that a person sends it.</p></noscript>`;
}

/** What the form sent of it, as the operations take it. */
export function captchaIn(state: AuthState, form: Form): JsonObject {
  const widget = captchaWidget(state);
  return widget ? { gotrue_meta_security: { captcha_token: form(widget.field) } } : {};
}
