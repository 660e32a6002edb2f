/** What `/openapi.json` says of the routes of passkeys. */
import { Type } from "@sinclair/typebox";
import { doc, tokens } from "../http/route-docs.ts";

const options = Type.Object({
  challenge_id: Type.String({ format: "uuid" }),
  options: Type.Object(
    {},
    { additionalProperties: true, description: "For navigator.credentials, in WebAuthn's JSON" },
  ),
  expires_at: Type.Integer({ description: "Seconds since the epoch" }),
});
const answer = Type.Object({
  challenge_id: Type.String({ format: "uuid" }),
  credential: Type.Object(
    {},
    { additionalProperties: true, description: "PublicKeyCredential.toJSON()" },
  ),
});
const passkey = Type.Object(
  {
    id: Type.String({ format: "uuid" }),
    friendly_name: Type.Optional(Type.String()),
    created_at: Type.String({ format: "date-time" }),
    last_used_at: Type.Optional(Type.String({ format: "date-time" })),
  },
  { title: "Passkey" },
);

export const passkeyDocs = {
  registrationOptions: doc("Begin to add a passkey", {
    description: "A person who has a second factor needs a session at aal2.",
    answer: options,
  }),
  registrationVerify: doc("Add a passkey", {
    description: "The challenge is good for one try.",
    body: answer,
    answer: passkey,
  }),
  authenticationOptions: doc("Begin to sign in with a passkey", {
    description: "For whatever passkey the authenticator has.",
    answer: options,
    open: true,
  }),
  authenticationVerify: doc("Sign in with a passkey", {
    description: "The challenge is good for one try.",
    body: answer,
    answer: tokens,
    open: true,
  }),
  list: doc("List passkeys", { description: "Oldest first.", answer: Type.Array(passkey) }),
  rename: doc("Rename a passkey", {
    description: "At most 120 characters.",
    body: Type.Object({ friendly_name: Type.String({ maxLength: 120 }) }),
    answer: passkey,
  }),
  remove: doc("Remove a passkey", {
    description: "A person who has a second factor needs a session at aal2.",
    answer: null,
  }),
  adminList: doc("List a user's passkeys", {
    description: "Needs the secret key.",
    answer: Type.Array(passkey),
  }),
  adminRemove: doc("Remove a user's passkey", {
    description: "Needs the secret key.",
    answer: null,
  }),
};
