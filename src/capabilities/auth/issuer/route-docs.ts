/** What `/openapi.json` says of the routes of the OAuth server. */
import { type TSchema, Type } from "@sinclair/typebox";

const content = (type: string, schema: TSchema) => ({ [type]: { schema } });
const anything = Type.Object({}, { additionalProperties: true });
const text = (description: string) => Type.Optional(Type.String({ description }));
const JSON_TYPE = "application/json";
const FORM_TYPE = "application/x-www-form-urlencoded";

const fault = Type.Object(
  { error: Type.String(), error_description: Type.String() },
  { title: "OAuthError" },
);
const registration = Type.Object(
  {
    redirect_uris: Type.Array(Type.String()),
    client_name: text("At most 256 characters"),
    token_endpoint_auth_method: text("none, client_secret_basic (default) or client_secret_post"),
    grant_types: Type.Optional(Type.Array(Type.String())),
    scope: text("What it may ask for at most"),
    client_uri: text("A web address"),
    logo_uri: text("A web address"),
    post_logout_redirect_uris: Type.Optional(Type.Array(Type.String())),
  },
  { additionalProperties: true, title: "OAuthClientMetadata" },
);
const tokenRequest = Type.Object({
  grant_type: Type.String(),
  client_id: text("Unless sent by Basic"),
  client_secret: text("With client_secret_post"),
  code: text("authorization_code"),
  code_verifier: text("authorization_code"),
  redirect_uri: text("authorization_code"),
  refresh_token: text("refresh_token"),
  device_code: text("Device codes"),
  scope: text("refresh_token, client_credentials"),
  resource: text("RFC 8707"),
});
const oneToken = Type.Object({
  token: Type.String(),
  client_id: text("Unless sent by Basic"),
  client_secret: text("With client_secret_post"),
});
const decision = Type.Object({
  action: Type.Union([Type.Literal("approve"), Type.Literal("deny")]),
});

interface DocOptions {
  readonly description: string;
  readonly body?: TSchema;
  readonly form?: boolean;
  readonly status?: number;
  readonly security?: readonly Record<string, string[]>[];
}

function doc(summary: string, { description, body, form, status, security }: DocOptions) {
  const sent = body ? content(form ? FORM_TYPE : JSON_TYPE, body) : null;
  const answer =
    status === 204 || status === 302
      ? { description: "Done" }
      : { description: "Done", content: content(JSON_TYPE, anything) };
  return {
    detail: {
      summary,
      description,
      tags: ["auth"],
      security: [...(security ?? [{}])],
      ...(sent ? { requestBody: { required: true, content: sent } } : {}),
      responses: {
        [status ?? 200]: answer,
        default: { description: "Error", content: content(JSON_TYPE, fault) },
      },
    },
  };
}

const bearer = [{ bearer: [] }];

export const oauthDocs = {
  serverMetadata: doc("OAuth server metadata", { description: "RFC 8414." }),
  resourceMetadata: doc("Protected resource metadata", {
    description: "RFC 9728: which authorization server gives tokens for a path of this server.",
  }),
  authorize: doc("Authorize", {
    description: "RFC 6749 §4.1 with PKCE (S256); redirects to the consent page.",
    status: 302,
  }),
  logout: doc("Sign out at a client's word", {
    description:
      "OpenID Connect RP-Initiated Logout 1.0: id_token_hint, client_id, post_logout_redirect_uri, state; as a form, too. Leads to the page that signs out, or asks.",
    status: 302,
  }),
  describeAuthorization: doc("Describe an authorization request", {
    description: "What the person is asked, or redirect_url when they agreed before.",
    security: bearer,
  }),
  decideAuthorization: doc("Decide an authorization request", {
    description: "Answers redirect_url: the way back to the client.",
    body: decision,
    security: bearer,
  }),
  listGrants: doc("List grants", { description: "What the person allowed.", security: bearer }),
  revokeGrant: doc("Revoke a grant", {
    description: "client_id in the query; ends the client's sessions.",
    status: 204,
    security: bearer,
  }),
  oauthToken: doc("OAuth token", {
    description:
      "authorization_code, refresh_token, client_credentials and device codes; errors as in RFC 6749.",
    body: tokenRequest,
    form: true,
  }),
  introspect: doc("Introspect a token", {
    description: "RFC 7662; by the client it was given to, or with the secret key.",
    body: oneToken,
    form: true,
  }),
  revoke: doc("Revoke a token", {
    description: "RFC 7009; ends the session.",
    body: oneToken,
    form: true,
  }),
  userInfo: doc("User info", {
    description: "OpenID Connect Core §5.3, by the scopes of the token.",
    security: bearer,
  }),
  registerClient: doc("Register a client", {
    description: "RFC 7591.",
    body: registration,
    status: 201,
  }),
  readOwnClient: doc("Read one's own registration", {
    description: "RFC 7592, by the registration access token. The secret is not told again.",
    security: bearer,
  }),
  updateOwnClient: doc("Change one's own registration", {
    description: "RFC 7592: everything that the client says of itself, with its client_id.",
    body: registration,
    security: bearer,
  }),
  deleteOwnClient: doc("Remove one's own registration", {
    description: "RFC 7592; ends the client's sessions.",
    status: 204,
    security: bearer,
  }),
  adminListClients: doc("List OAuth clients", {
    description: "Newest first; page and per_page. Needs the secret key.",
    security: bearer,
  }),
  adminCreateClient: doc("Create an OAuth client", {
    description: "Needs the secret key. The client secret is shown once.",
    body: registration,
    status: 201,
    security: bearer,
  }),
  adminGetClient: doc("Get an OAuth client", {
    description: "Needs the secret key.",
    security: bearer,
  }),
  adminUpdateClient: doc("Change an OAuth client", {
    description: "Only what is sent changes. Needs the secret key.",
    body: Type.Partial(registration),
    security: bearer,
  }),
  adminDeleteClient: doc("Delete an OAuth client", {
    description: "Ends its sessions. Needs the secret key.",
    status: 204,
    security: bearer,
  }),
  adminRegenerateSecret: doc("Make a new client secret", {
    description: "The old one is worth nothing at once. Needs the secret key.",
    security: bearer,
  }),
  deviceAuthorization: doc("Device authorization", {
    description: "RFC 8628 §3.1.",
    body: Type.Object({ client_id: text("Unless sent by Basic"), scope: text("Scopes") }),
    form: true,
  }),
  describeDevice: doc("Describe a device code", {
    description: "user_code in the query: who asks, from where, for what.",
    security: bearer,
  }),
  decideDevice: doc("Decide a device code", {
    description: "Approve or deny.",
    body: Type.Composite([Type.Object({ user_code: Type.String() }), decision]),
    security: bearer,
  }),
};
