/** `[auth.hooks.<name>]`: what of the project's own runs at which moment. */
import { type Static, Type } from "@sinclair/typebox";

const hook = (when: string, payload: string) =>
  Type.Object(
    {
      uri: Type.String({
        default: "",
        maxLength: 2048,
        description: `${when}. \`pg-functions://postgres/<schema>/<function>\` (an SQL function of one \`jsonb\`), \`function:<name>\` (a function of this server) or an \`https:\` address; empty = none. It is given ${payload}`,
      }),
      secrets: Type.String({
        default: "",
        maxLength: 4096,
        secret: true,
        vault: true,
        description:
          "Signs the request (Standard Webhooks): `v1,whsec_<base64>`, several separated by `|`; may be `vault:path`. An address needs one",
      }),
      timeout_ms: Type.Integer({
        minimum: 0,
        maximum: 30_000,
        default: 0,
        description:
          "How long the hook may take, with all tries, milliseconds; 0 = 2000 for SQL, 5000 for the others",
      }),
    },
    { additionalProperties: false, description: when },
  );

export const hooksConfig = Type.Object(
  {
    before_user_created: hook(
      "Runs before an account is made, and may refuse it",
      "`metadata` and `user`",
    ),
    custom_access_token: hook(
      "Runs before an access token is signed, and answers its `claims`",
      "`user_id`, `claims` and `authentication_method`",
    ),
    password_verification_attempt: hook(
      "Runs after a password was checked, and may refuse the sign-in",
      "`user_id` and `valid`",
    ),
    mfa_verification_attempt: hook(
      "Runs after a second factor was checked, and may refuse it",
      "`user_id`, `factor_id`, `factor_type` and `valid`",
    ),
    send_email: hook("Sends the mail in place of the SMTP server", "`user` and `email_data`"),
    send_sms: hook("Sends the text message in place of the provider", "`user` and `sms`"),
  },
  { additionalProperties: false, description: "What of the project's own runs at which moment." },
);

export type HooksConfig = Static<typeof hooksConfig>;
export type HookName = keyof HooksConfig;
