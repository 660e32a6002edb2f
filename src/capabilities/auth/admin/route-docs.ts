/** What `/openapi.json` says of the admin routes that are not Supabase's alone. */
import { Type } from "@sinclair/typebox";
import { anything, doc, user } from "../http/route-docs.ts";

const metadata = Type.Object({}, { additionalProperties: true });

export const adminDocs = {
  updateUser: doc("Change a user", {
    description:
      "A new password ends every session. ban_duration is as in 24h, or none. Needs the secret key.",
    body: Type.Object({
      email: Type.Optional(Type.String()),
      email_confirm: Type.Optional(Type.Boolean()),
      password: Type.Optional(Type.String()),
      password_hash: Type.Optional(Type.String()),
      role: Type.Optional(Type.String()),
      ban_duration: Type.Optional(Type.String()),
      user_metadata: Type.Optional(metadata),
      app_metadata: Type.Optional(metadata),
    }),
    answer: user,
  }),
  audit: doc("Audit log", {
    description:
      "Newest first; page and per_page; query=author:…, action:… or type:… as in GoTrue, and action, user_id, ip_address, after, before. Needs the secret key.",
    answer: Type.Array(
      Type.Object({
        id: Type.String({ format: "uuid" }),
        payload: Type.Object({}, { additionalProperties: true }),
        created_at: Type.String({ format: "date-time" }),
        ip_address: Type.String(),
      }),
    ),
  }),
  importUsers: doc("Import users", {
    description:
      "Up to 500 people of another system, with their password hashes and the identities of other providers; each is made or refused by itself. Needs the secret key.",
    body: Type.Object({ users: Type.Array(anything, { maxItems: 500 }) }),
    answer: Type.Object({ created: Type.Integer(), results: Type.Array(anything) }),
  }),
  impersonate: doc("Act as a user", {
    description:
      "An access token as the person, for 60 to 3600 seconds, without a refresh token; act in it says who acts. It changes no way in. Needs the secret key.",
    body: Type.Object({
      actor: Type.Optional(Type.String({ maxLength: 200 })),
      reason: Type.Optional(Type.String({ maxLength: 200 })),
      expires_in: Type.Optional(Type.Integer({ minimum: 60, maximum: 3600, default: 900 })),
    }),
    answer: anything,
  }),
  merge: doc("Merge a user into this one", {
    description:
      "Identities and the app's rows of the user `from` become this one's; the other account ends. Needs the secret key.",
    body: Type.Object({ from: Type.String({ format: "uuid" }) }),
    answer: Type.Object({ user, moved: anything }),
  }),
  erase: doc("Erase a user", {
    description:
      "Removes the person and, by foreign key, what refers to them; references decides where a key would refuse; dry_run only tells. Needs the secret key.",
    body: Type.Object({
      dry_run: Type.Optional(Type.Boolean()),
      references: Type.Optional(
        Type.Record(Type.String(), Type.Union([Type.Literal("delete"), Type.Literal("set_null")])),
      ),
    }),
    answer: anything,
  }),
  exportUser: doc("Export a user", {
    description:
      "All that is kept of the person: account, log, and rows that refer to them. Needs the secret key.",
    answer: anything,
  }),
};
