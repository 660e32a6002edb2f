/** What `/openapi.json` says of the routes of sessions. */
import { Type } from "@sinclair/typebox";
import { doc } from "../http/route-docs.ts";

const text = Type.Union([Type.String(), Type.Null()]);
const sessions = Type.Object(
  {
    sessions: Type.Array(
      Type.Object({
        id: Type.String({ format: "uuid" }),
        current: Type.Boolean({ description: "The one of this request" }),
        kind: Type.String({ description: "app, pages, oauth or impersonation" }),
        created_at: Type.String({ format: "date-time" }),
        last_used_at: Type.String({ format: "date-time" }),
        not_after: text,
        user_agent: text,
        ip: text,
        aal: Type.String(),
        amr: Type.Array(Type.Object({ method: Type.String(), timestamp: Type.Integer() })),
        client_id: text,
      }),
    ),
  },
  { title: "Sessions" },
);
const later = "Access tokens that are out stay valid until they expire.";

export const sessionDocs = {
  list: doc("Sessions of the current user", {
    description: "One for each device, the latest used first.",
    answer: sessions,
  }),
  end: doc("End a session", { description: `Signs one device out. ${later}`, answer: null }),
  adminList: doc("Sessions of a user", { description: "Needs the secret key.", answer: sessions }),
  adminEnd: doc("End a session of a user", {
    description: `Needs the secret key. ${later}`,
    answer: null,
  }),
  adminEndAll: doc("Sign a user out everywhere", {
    description: `Needs the secret key. ${later}`,
    answer: null,
  }),
};
