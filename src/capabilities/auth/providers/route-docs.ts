/** What `/openapi.json` says of sign-in through others. */
import { Type } from "@sinclair/typebox";
import { anything, doc } from "../http/route-docs.ts";

const custom = Type.Object({
  provider_type: Type.Optional(Type.Union([Type.Literal("oidc"), Type.Literal("oauth2")])),
  identifier: Type.Optional(Type.String({ description: "custom:name" })),
  name: Type.Optional(Type.String()),
  client_id: Type.Optional(Type.String()),
  client_secret: Type.Optional(Type.String()),
  issuer: Type.Optional(Type.String()),
  authorization_url: Type.Optional(Type.String()),
  token_url: Type.Optional(Type.String()),
  userinfo_url: Type.Optional(Type.String()),
  scopes: Type.Optional(Type.Array(Type.String())),
  enabled: Type.Optional(Type.Boolean()),
});

export const providerDocs = {
  listCustom: doc("List custom providers", {
    description: "type=oidc or oauth2. Needs the secret key.",
    answer: anything,
  }),
  createCustom: doc("Add a custom provider", {
    description: "An OpenID Connect issuer, or OAuth 2 endpoints. Needs the secret key.",
    body: custom,
    answer: anything,
  }),
  getCustom: doc("Get a custom provider", {
    description: "Without its secret. Needs the secret key.",
    answer: anything,
  }),
  updateCustom: doc("Change a custom provider", {
    description: "Absent members stay as they are. Needs the secret key.",
    body: custom,
    answer: anything,
  }),
  deleteCustom: doc("Remove a custom provider", {
    description: "Its people stay, but cannot sign in by it. Needs the secret key.",
    answer: null,
  }),
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
