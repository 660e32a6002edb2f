/** Settings of one-time codes and links, where links may lead, and people without an e-mail address: part of `[auth]`. */
import { Type } from "@sinclair/typebox";

const perMinute = (description: string, fallback: number) =>
  Type.Integer({ minimum: 1, maximum: 1_000_000, default: fallback, description });
const messages = (description: string, fallback: number) =>
  Type.Integer({ minimum: 1, maximum: 10_000, default: fallback, description });

/** A web address or an app's own scheme (RFC 8252 §7), see `http/redirects.ts` for the patterns. */
const REDIRECT =
  "^(?:https?://(?:(?:[a-z0-9*-]+\\.)*[a-z0-9-]+\\.[a-z0-9-]+|[a-z0-9-]+|\\[[0-9a-f:]+\\])(?::(?:\\d{1,5}|\\*))?(?:/[^\\s\\\\#]*)?|(?!(?:https?|wss?|ftp|file|data|blob|about|javascript|vbscript):)[a-z][a-z0-9+.-]*:/[^\\s\\\\#]*)$";

const duration = (minimum: number, maximum: number, fallback: number, description: string) =>
  Type.Integer({ minimum, maximum, default: fallback, description });

export const mailedSettings = {
  site_url: Type.String({
    default: "",
    maxLength: 2048,
    pattern: "^(?:|https?://[^\\s\\\\#@]+)$",
    description:
      "Address of your app: where links in mails lead when the request names no other; empty = this server",
  }),
  redirect_urls: Type.Array(Type.String({ maxLength: 2048, pattern: REDIRECT }), {
    default: [],
    maxItems: 200,
    description:
      "Addresses besides site_url that sign-ins may lead to: exact, or with * (within a name or a path segment) and ** (any rest of the path)",
  }),
  otp_ttl_s: duration(60, 3600, 600, "How long a one-time code is good, seconds"),
  link_ttl_s: duration(60, 86_400, 3600, "How long a link in a mail is good, seconds"),
  invite_ttl_s: duration(
    3600,
    2_592_000,
    604_800,
    "How long the link of an invitation is good, seconds",
  ),
  otp_attempts_max: Type.Integer({
    minimum: 1,
    maximum: 20,
    default: 5,
    description: "Wrong guesses after which a one-time code is void",
  }),
  secure_email_change: Type.Boolean({
    default: true,
    description: "A new e-mail address is confirmed at the old one too",
  }),
  anonymous_sign_ins: Type.Boolean({
    default: false,
    description: "Lets people in without any credential; they can add one later",
  }),
  sms_autoconfirm: Type.Boolean({
    default: false,
    description: "Takes a phone number as confirmed at once, without a code by text message",
  }),
  rate_limit_otp: perMinute("Requests for codes and links per minute and address", 30),
  rate_limit_verify: perMinute("Codes and links that are tried per minute and address", 60),
  rate_limit_verify_identity: perMinute("Codes tried per minute and account", 15),
  rate_limit_anonymous: perMinute("Anonymous sign-ins per minute and address", 30),
  mails_per_hour: messages("Mails with a code or link per hour to one address", 5),
  mails_per_day: messages(
    "Mails with a code or link per day to one address; one network may ask for half of them",
    20,
  ),
  texts_per_hour: messages("Text messages with a code per hour to one number", 5),
  texts_per_day: messages(
    "Text messages with a code per day to one number; one network may ask for half of them",
    10,
  ),
};
