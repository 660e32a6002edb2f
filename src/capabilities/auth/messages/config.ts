/** `[auth]`'s settings of what is sent to people: templates, and `[auth.sms]`. */
import { type Static, Type } from "@sinclair/typebox";

const text = (description: string, fallback = "", maxLength = 2048) =>
  Type.String({ default: fallback, maxLength, description });
const secret = (description: string) =>
  Type.String({ default: "", maxLength: 4096, secret: true, vault: true, description });

export const smsConfig = Type.Object(
  {
    provider: Type.Union([Type.Literal(""), Type.Literal("webhook"), Type.Literal("twilio")], {
      default: "",
      description:
        "Who sends text messages. Empty = nobody: in development they are shown in the inbox. The hook `send_sms` goes first",
    }),
    template: text("The message, with `{{ .Code }}`", "Your code is {{ .Code }}", 480),
    timeout_ms: Type.Integer({
      minimum: 100,
      maximum: 60_000,
      default: 10_000,
      description: "How long the provider may take, milliseconds",
    }),
    webhook_url: text("Gets a signed POST of `{to, message, otp}`"),
    webhook_secrets: secret(
      "Signs it (Standard Webhooks): `v1,whsec_<base64>`, several by `|`; may be `vault:path`",
    ),
    twilio_account_sid: text("`AC…` of the account"),
    twilio_auth_token: secret("The account's token; may be `vault:path`"),
    twilio_from: text("A sender's number in E.164 form, or `MG…` of a messaging service"),
    twilio_url: text("Where Twilio's API is", "https://api.twilio.com"),
  },
  { additionalProperties: false, description: "Text messages." },
);

export const messageSettings = {
  templates_dir: text(
    "Folder of the project with templates of mails, `<kind>.html` and `<kind>.txt`; those that are not there are built in",
    "templates/auth",
    1024,
  ),
  sms: smsConfig,
};

export type SmsConfig = Static<typeof smsConfig>;
