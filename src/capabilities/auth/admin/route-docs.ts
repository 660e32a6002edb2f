/** What `/openapi.json` says of the admin routes that are not Supabase's alone. */
import { Type } from "@sinclair/typebox";
import { doc, user } from "../http/route-docs.ts";

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
};
