/** What `/openapi.json` says of codes and links. */
import { type TSchema, Type } from "@sinclair/typebox";
import { doc, tokens, user } from "../http/route-docs.ts";

const text = Type.Optional(Type.String());
const metadata = Type.Optional(Type.Object({}, { additionalProperties: true }));
const pkce = { code_challenge: text, code_challenge_method: text };
const done = Type.Object({}, { additionalProperties: true });
const redirect = "redirect_to in the query says where the link leads, within auth.redirect_urls.";

const asked = (summary: string, description: string, body: TSchema) =>
  doc(summary, { description: `${description} ${redirect}`, body, answer: done, open: true });

const otp = Type.Object({
  email: text,
  phone: text,
  create_user: Type.Optional(Type.Boolean()),
  data: metadata,
  ...pkce,
});

export const mailedDocs = {
  otp: asked(
    "Ask for a code or a link",
    "Sends a code and a link by mail, or a code by text message. Answers the same for somebody unknown.",
    otp,
  ),
  magiclink: asked("Ask for a magic link", "As /otp, by mail.", otp),
  recover: asked(
    "Recover an account",
    "Sends a link and a code to who forgot the password. Answers the same for somebody unknown.",
    Type.Object({ email: Type.String(), ...pkce }),
  ),
  resend: asked(
    "Send a confirmation again",
    "type is signup, email_change, sms or phone_change.",
    Type.Object({ type: Type.String(), email: text, phone: text, ...pkce }),
  ),
  verify: doc("Spend a code", {
    description:
      "token with email or phone, or token_hash alone; type is signup, invite, magiclink, email, recovery, email_change, sms or phone_change.",
    body: Type.Object({
      type: Type.String(),
      token: text,
      token_hash: text,
      email: text,
      phone: text,
    }),
    answer: tokens,
    open: true,
  }),
  verifyLink: doc("Open a link", {
    description:
      "token and type in the query. Always a redirect: with the session in the fragment, with ?code= in a PKCE flow, or with error, error_code and error_description.",
    answer: done,
    open: true,
  }),
  reauthenticate: doc("Ask for a nonce", {
    description: "Sends a code that PUT /user takes as nonce when a password change asks for it.",
    answer: done,
  }),
  invite: doc("Invite somebody", {
    description: `Makes an account without a password and mails the link. Needs the secret key. ${redirect}`,
    body: Type.Object({ email: Type.String(), data: metadata }),
    answer: user,
  }),
  generateLink: doc("Make a link", {
    description:
      "Answers the code and the link of a mail, which is not sent. type is signup, invite, magiclink, recovery, email_change_current or email_change_new. Needs the secret key.",
    body: Type.Object({
      type: Type.String(),
      email: Type.String(),
      new_email: text,
      password: text,
      data: metadata,
      redirect_to: text,
    }),
    answer: done,
  }),
};
