/** What `/openapi.json` says of the routes of signing keys. */
import { Type } from "@sinclair/typebox";
import { doc } from "../http/route-docs.ts";

const time = Type.Union([Type.String({ format: "date-time" }), Type.Null()]);
const keys = Type.Object(
  {
    keys: Type.Array(
      Type.Object({
        kid: Type.String(),
        alg: Type.String(),
        state: Type.String({ description: "active, next or previous" }),
        created_at: time,
        activated_at: time,
        ready_at: time,
        ends_at: time,
      }),
    ),
  },
  { title: "SigningKeys" },
);

export const keyDocs = {
  list: doc("List signing keys", {
    description: "Without anything secret. Needs the secret key.",
    answer: keys,
  }),
  rotate: doc("Rotate the signing keys", {
    description:
      "The next key signs, a new next is announced, the one before verifies until its last token has expired. Needs the secret key.",
    body: Type.Object({
      force: Type.Optional(
        Type.Boolean({ description: "Also before the next key was announced for long enough" }),
      ),
    }),
    answer: keys,
  }),
  remove: doc("Remove a signing key", {
    description: "Tokens of a previous key are refused at once. Needs the secret key.",
    answer: keys,
  }),
};
