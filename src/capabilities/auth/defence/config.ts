/** `[auth.captcha]` and `[auth.breached_passwords]`. */
import { type Static, Type } from "@sinclair/typebox";

export const captchaConfig = Type.Object(
  {
    provider: Type.Union([Type.Literal(""), Type.Literal("hcaptcha"), Type.Literal("turnstile")], {
      default: "",
      description:
        "Who checks the `captcha_token` of sign-up, sign-in, recovery and one-time passwords; empty = no captcha",
    }),
    secret: Type.String({
      default: "",
      maxLength: 512,
      secret: true,
      vault: true,
      description: "The secret key of the captcha's site; may be `vault:path`",
    }),
    site_key: Type.String({
      default: "",
      maxLength: 128,
      pattern: "^[A-Za-z0-9_-]*$",
      description:
        "The captcha site's public key: the ready pages show the provider's widget with it",
    }),
    url: Type.String({
      default: "",
      maxLength: 2048,
      description: "Where tokens are checked; empty = the provider's own address",
    }),
    timeout_ms: Type.Integer({
      minimum: 100,
      maximum: 60_000,
      default: 10_000,
      description: "How long a check may take, milliseconds; past it the request is refused",
    }),
  },
  { additionalProperties: false, description: "Proof that a person is asking." },
);

export const breachedConfig = Type.Object(
  {
    mode: Type.Union([Type.Literal("off"), Type.Literal("online"), Type.Literal("file")], {
      default: "off",
      description:
        "Refuses new passwords that are known from breaches. `online`: asks `url`, which learns 5 digits of a hash; `file`: asks a filter on this machine",
    }),
    url: Type.String({
      default: "https://api.pwnedpasswords.com/range/",
      maxLength: 2048,
      description: "A range API in the form of Pwned Passwords, to which five hex digits are added",
    }),
    min_count: Type.Integer({
      minimum: 1,
      maximum: 1_000_000_000,
      default: 1,
      description: "In `online` mode: how often a password must have been seen to be refused",
    }),
    fail_closed: Type.Boolean({
      default: false,
      description: "In `online` mode: refuses new passwords while the address cannot be asked",
    }),
    timeout_ms: Type.Integer({
      minimum: 100,
      maximum: 60_000,
      default: 5000,
      description: "In `online` mode: how long a check may take, milliseconds",
    }),
    file: Type.String({
      default: "",
      maxLength: 4096,
      description:
        "In `file` mode: a filter made by `reactor auth filter`, relative to the project's folder",
    }),
  },
  { additionalProperties: false, description: "Passwords that are known from breaches." },
);

export type BreachedConfig = Static<typeof breachedConfig>;
