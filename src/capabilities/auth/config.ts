/**
 * The `[auth]` table of reactor.toml: every setting with its default and its meaning. The
 * configuration reference and `docs/auth.md` are made from the descriptions.
 */
import { type Static, Type } from "@sinclair/typebox";
import { apiKeysConfig } from "./api-keys/config.ts";
import { breachedConfig, captchaConfig } from "./defence/config.ts";
import { factorsConfig } from "./factors/config.ts";
import { hooksConfig } from "./hooks/config.ts";
import { oauthServerConfig } from "./issuer/config.ts";
import { keySettings } from "./keys/config.ts";
import { mailedSettings } from "./mailed/config.ts";
import { messageSettings } from "./messages/config.ts";
import { orgsConfig } from "./orgs/config.ts";
import { providerSettings } from "./providers/config.ts";
import { samlConfig } from "./saml/config.ts";
import { sessionSettings } from "./sessions/config.ts";
import { uiConfig } from "./ui/config.ts";

const perMinute = (description: string, fallback: number) =>
  Type.Integer({ minimum: 1, maximum: 1_000_000, default: fallback, description });

export const authConfig = Type.Object(
  {
    url: Type.String({
      default: "",
      maxLength: 2048,
      description: "Where auth runs when it is not part of this server; empty = here",
    }),
    disable_signup: Type.Boolean({
      default: false,
      description: "Refuses new accounts except through the admin routes",
    }),
    autoconfirm: Type.Boolean({
      default: true,
      description: "Takes an e-mail address as confirmed at once, without a confirmation mail",
    }),
    access_token_ttl_s: Type.Integer({
      minimum: 60,
      maximum: 604_800,
      default: 3600,
      description: "Lifetime of an access token, seconds; it stays valid that long after a logout",
    }),
    refresh_token_grace_s: Type.Integer({
      minimum: 0,
      maximum: 300,
      default: 10,
      description: "How long a used refresh token still answers with its successor, seconds",
    }),
    refresh_token_keep_s: Type.Integer({
      minimum: 3600,
      default: 2_592_000,
      description:
        "How long used refresh tokens and ended sessions are kept to detect reuse, seconds",
    }),
    session_timebox_s: Type.Integer({
      minimum: 0,
      default: 0,
      description: "A session ends this long after sign-in, seconds; 0 = never",
    }),
    session_inactivity_s: Type.Integer({
      minimum: 0,
      default: 0,
      description: "A session ends when not refreshed for this long, seconds; 0 = never",
    }),
    password_min_length: Type.Integer({
      minimum: 6,
      maximum: 72,
      default: 8,
      description: "Shortest password, characters",
    }),
    password_change_needs_recent_login: Type.Boolean({
      default: false,
      description: "Changing a password needs a session that is at most 24 hours old",
    }),
    hash_memory_kib: Type.Integer({
      minimum: 4096,
      maximum: 1_048_576,
      default: 19_456,
      description: "argon2id memory per password hash, KiB",
    }),
    hash_iterations: Type.Integer({
      minimum: 1,
      maximum: 20,
      default: 2,
      description: "argon2id passes per password hash",
    }),
    hash_concurrency: Type.Integer({
      minimum: 1,
      maximum: 16,
      default: 1,
      description: "Password hashes computed at the same time, off the event loop",
    }),
    hash_queue_max: Type.Integer({
      minimum: 0,
      maximum: 10_000,
      default: 50,
      description: "Password hashes that may wait; beyond it the answer is 429",
    }),
    audit_keep_days: Type.Integer({
      minimum: 0,
      maximum: 36_500,
      default: 365,
      description: "Entries of the audit log are kept for so many days, at least 30; 0 = for ever",
    }),
    ...mailedSettings,
    ...providerSettings,
    ...keySettings,
    ...sessionSettings,
    rate_limit_signup: perMinute("Sign-ups per minute and address", 100),
    rate_limit_password: perMinute("Password sign-ins per minute and address", 100),
    rate_limit_password_identity: perMinute("Password sign-ins per minute and account", 20),
    rate_limit_refresh: perMinute("Token refreshes per minute and address", 300),
    rate_limit_user_update: perMinute("Changes of their own account per minute and user", 30),
    ...factorsConfig,
    ...orgsConfig,
    ...apiKeysConfig,
    ...messageSettings,
    hooks: hooksConfig,
    captcha: captchaConfig,
    breached_passwords: breachedConfig,
    saml: samlConfig,
    ui: uiConfig,
    oauth_server: oauthServerConfig,
  },
  { additionalProperties: false },
);

export type AuthConfig = Static<typeof authConfig>;
