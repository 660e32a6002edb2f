/** What `/openapi.json` says of the routes of second factors. */
import { Type } from "@sinclair/typebox";
import { doc, tokens } from "../http/route-docs.ts";

const id = Type.Object({ id: Type.String({ format: "uuid" }) });
const name = Type.Optional(Type.String({ maxLength: 120 }));
const factor = Type.Object(
  {
    id: Type.String({ format: "uuid" }),
    friendly_name: Type.Optional(Type.String()),
    factor_type: Type.String({ description: "totp, webauthn, phone or recovery_code" }),
    status: Type.String({ description: "unverified or verified" }),
    phone: Type.Optional(Type.String()),
    created_at: Type.String({ format: "date-time" }),
    updated_at: Type.String({ format: "date-time" }),
    last_challenged_at: Type.Optional(Type.String({ format: "date-time" })),
  },
  { title: "Factor" },
);
const codes = Type.Object({
  id: Type.String({ format: "uuid" }),
  type: Type.Literal("recovery_code"),
  friendly_name: Type.String(),
  total: Type.Integer(),
  codes: Type.Array(Type.String(), { description: "Shown this once" }),
});
const webauthn = Type.Object({}, { additionalProperties: true });

export const factorDocs = {
  enroll: doc("Enrol a second factor", {
    description: "It counts once verified. A person who has one needs a session at aal2.",
    body: Type.Object({
      factor_type: Type.String({ description: "totp, webauthn or phone" }),
      friendly_name: name,
      issuer: Type.Optional(Type.String({ description: "Of totp: what apps show" })),
      phone: Type.Optional(Type.String({ description: "Of phone: E.164" })),
    }),
    answer: Type.Object(
      { id: Type.String({ format: "uuid" }), type: Type.String(), friendly_name: Type.String() },
      { additionalProperties: true },
    ),
  }),
  challenge: doc("Challenge a second factor", {
    description: "Sends the code of a phone factor; answers the options of a WebAuthn factor.",
    answer: Type.Object(
      {
        id: Type.String({ format: "uuid" }),
        type: Type.String(),
        expires_at: Type.Integer({ description: "Seconds since the epoch" }),
      },
      { additionalProperties: true },
    ),
  }),
  verify: doc("Verify a second factor", {
    description:
      "Raises the session to aal2 and ends the person's sessions at aal1. Asked from the address that asked for the challenge.",
    body: Type.Object({
      challenge_id: Type.String({ format: "uuid" }),
      code: Type.Optional(Type.String()),
      webauthn: Type.Optional(webauthn),
    }),
    answer: tokens,
  }),
  unenroll: doc("Remove a second factor", {
    description: "A verified one needs a session at aal2; sessions that it raised go back to aal1.",
    answer: id,
  }),
  codesStatus: doc("Recovery codes left", {
    description: "Never the codes themselves.",
    answer: Type.Object({
      id: Type.String({ format: "uuid" }),
      type: Type.Literal("recovery_code"),
      total: Type.Integer(),
      remaining: Type.Integer(),
    }),
  }),
  codesGenerate: doc("Make recovery codes", {
    description: "Needs a session at aal2 and another verified factor.",
    body: Type.Object({ friendly_name: name }),
    answer: codes,
  }),
  codesRegenerate: doc("Replace recovery codes", {
    description: "The old ones stop working at once. Needs a session at aal2.",
    answer: codes,
  }),
  codesVerify: doc("Use a recovery code", {
    description: "Each is good once; raises the session to aal2.",
    body: Type.Object({ code: Type.String() }),
    answer: tokens,
  }),
  codesDelete: doc("Remove recovery codes", {
    description: "Needs a session at aal2.",
    answer: id,
  }),
  adminList: doc("List a user's second factors", {
    description: "Needs the secret key.",
    answer: Type.Array(factor),
  }),
  adminUpdate: doc("Rename a user's second factor", {
    description: "Needs the secret key.",
    body: Type.Object({ friendly_name: name }),
    answer: factor,
  }),
  adminDelete: doc("Remove a user's second factor", {
    description: "Signs the person out when it was verified. Needs the secret key.",
    answer: id,
  }),
};
