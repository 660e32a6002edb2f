/** What `/openapi.json` says of SAML. */
import { Type } from "@sinclair/typebox";
import { anything, doc } from "../http/route-docs.ts";

const draft = Type.Object({
  type: Type.Optional(Type.Literal("saml")),
  metadata_url: Type.Optional(Type.String()),
  metadata_xml: Type.Optional(Type.String()),
  domains: Type.Optional(Type.Array(Type.String())),
  attribute_mapping: Type.Optional(anything),
  name_id_format: Type.Optional(Type.String()),
  disabled: Type.Optional(Type.Boolean()),
});

export const samlDocs = {
  begin: doc("Sign in with an organisation's provider", {
    description:
      "provider_id or domain; redirect_to, code_challenge, code_challenge_method. With skip_http_redirect the address to go to is in the answer.",
    body: Type.Object({
      provider_id: Type.Optional(Type.String({ format: "uuid" })),
      domain: Type.Optional(Type.String()),
      redirect_to: Type.Optional(Type.String()),
      skip_http_redirect: Type.Optional(Type.Boolean()),
      code_challenge: Type.Optional(Type.String()),
      code_challenge_method: Type.Optional(Type.String()),
    }),
    answer: Type.Object({ url: Type.String() }),
    open: true,
  }),
  acs: doc("Assertion consumer service", {
    description: "Where SAML identity providers send browsers with their response.",
    answer: anything,
    open: true,
  }),
  metadata: doc("SAML metadata", {
    description: "This service provider, as XML; download=true as a file.",
    answer: anything,
    open: true,
  }),
  list: doc("List SSO providers", { description: "Needs the secret key.", answer: anything }),
  create: doc("Add an SSO provider", {
    description: "Needs the secret key.",
    body: draft,
    answer: anything,
  }),
  get: doc("Get an SSO provider", { description: "Needs the secret key.", answer: anything }),
  update: doc("Change an SSO provider", {
    description: "Absent members stay as they are. Needs the secret key.",
    body: draft,
    answer: anything,
  }),
  remove: doc("Remove an SSO provider", {
    description: "Its people stay, but cannot sign in. Needs the secret key.",
    answer: anything,
  }),
};
