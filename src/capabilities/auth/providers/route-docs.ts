/** What `/openapi.json` says of sign-in through others. */
import { Type } from "@sinclair/typebox";
import { anything, doc } from "../http/route-docs.ts";

export const providerDocs = {
  authorize: doc("Sign in through a provider", {
    description:
      "Sends the browser to the provider. provider, redirect_to, scopes, code_challenge, code_challenge_method; other parameters go to the provider. Answers 302.",
    answer: anything,
    open: true,
  }),
  callback: doc("Return from a provider", {
    description:
      "Where providers send the browser back to. Answers 302 to redirect_to with a code, a session or an error.",
    answer: anything,
    open: true,
  }),
  linkAuthorize: doc("Link a provider", {
    description:
      "As /authorize, for the signed-in person. With skip_http_redirect=true the address to go to is in the answer.",
    answer: Type.Object({ url: Type.String() }),
  }),
  identities: doc("Own identities", {
    description: "The ways in of the signed-in person, oldest first.",
    answer: Type.Object({ identities: Type.Array(anything) }),
  }),
  unlink: doc("Unlink an identity", {
    description: "Removes a way in, but never the last one. The id is identity_id.",
    answer: anything,
  }),
};
