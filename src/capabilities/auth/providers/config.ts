/** Settings of sign-ins through others: flows that end in a browser, providers, linking. */
import { type Static, Type } from "@sinclair/typebox";

const text = (description: string, more: object = {}) =>
  Type.Optional(Type.String({ minLength: 1, maxLength: 2048, description, ...more }));
const flag = (description: string) => Type.Optional(Type.Boolean({ description }));
const address = (description: string) => text(description, { pattern: "^https?://[^\\s#@]+$" });

/** One `[auth.providers.<name>]`. */
export const providerSchema = Type.Object(
  {
    enabled: flag("Default true"),
    type: text("The known provider this is, when the name is another"),
    client_id: Type.String({ minLength: 1, maxLength: 512, description: "As registered there" }),
    client_secret: text("As registered there; may be vault:path", { secret: true }),
    client_ids: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        description: "More client ids whose id tokens are taken (apps on phones)",
      }),
    ),
    url: address("Where a self-hosted provider runs; Keycloak: the realm"),
    domain: text("The provider's domain for you", { pattern: "^[A-Za-z0-9.-]+(?::\\d+)?$" }),
    tenant: text("Microsoft Entra: tenant; default common", { pattern: "^[A-Za-z0-9.-]+$" }),
    server: text("Okta: authorization server; default `default`", { pattern: "^[A-Za-z0-9.-]+$" }),
    team_id: text("Apple: team id"),
    key_id: text("Apple: id of the private key"),
    private_key: text("Apple: private key, PEM; may be vault:path", {
      secret: true,
      maxLength: 8192,
    }),
    issuer: address("OpenID Connect issuer; its discovery document says the rest"),
    authorize_url: address("OAuth 2: authorization endpoint"),
    token_url: address("OAuth 2: token endpoint"),
    user_url: address("OAuth 2: answers who the access token belongs to"),
    claims: Type.Optional(
      Type.Record(Type.String(), Type.String(), {
        description: "Our claim = path in that answer, as in `sub = data.id`",
      }),
    ),
    custom_claims: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        description: "Claims of the provider's that are kept as they are, under custom_claims",
      }),
    ),
    client_auth: Type.Optional(
      Type.Union([Type.Literal("basic"), Type.Literal("post"), Type.Literal("public")]),
    ),
    pkce: Type.Optional(
      Type.Union([Type.Literal("s256"), Type.Literal("plain"), Type.Literal("none")]),
    ),
    scopes: Type.Optional(Type.Array(Type.String({ minLength: 1 }))),
    authorize_params: Type.Optional(Type.Record(Type.String(), Type.String())),
    own_callback: flag("Comes back to /auth/v1/callback/<name>; default false"),
    email_optional: flag("Makes accounts without an address; default false"),
    trust_email: flag("Takes its addresses as verified; default as known of it"),
    skip_nonce_check: flag("Takes id tokens whose nonce was not sent along; default false"),
  },
  { additionalProperties: false },
);

export type ProviderSettings = Static<typeof providerSchema>;

const limit = (fallback: number, description: string) =>
  Type.Integer({ minimum: 1, maximum: 1_000_000, default: fallback, description });

export const providerSettings = {
  providers: Type.Record(
    Type.String({ pattern: "^(?:custom:)?(?!email$|phone$|sso$)[a-z0-9][a-z0-9_-]{0,62}$" }),
    providerSchema,
    {
      default: {},
      additionalProperties: false,
      secret: true,
      description:
        "Sign-in through others, by name: `[auth.providers.github]` with `client_id` and `client_secret`, or any OpenID Connect `issuer`, or `authorize_url`, `token_url` and `user_url`. See docs/auth.md",
    },
  ),
  provider_networks: Type.Array(Type.String(), {
    default: [],
    description:
      "Private addresses or CIDR ranges in which providers may be reached, also by plain http; without them only public addresses are, by https",
  }),
  provider_timeout_s: Type.Integer({
    minimum: 1,
    maximum: 60,
    default: 10,
    description: "How long one request to a provider may take, seconds",
  }),
  manual_linking: Type.Boolean({
    default: true,
    description: "Lets signed-in people add and remove ways in through others",
  }),
  pkce_plain: Type.Boolean({
    default: false,
    description:
      "Takes PKCE challenges of method `plain`, which clients send from pages without https",
  }),
  flow_code_ttl_s: Type.Integer({
    minimum: 30,
    maximum: 600,
    default: 300,
    description: "How long the code that ends a sign-in in the browser can be exchanged, seconds",
  }),
  rate_limit_authorize: limit(100, "Sign-ins begun through others per minute and address"),
  rate_limit_token_exchange: limit(100, "Codes and id tokens exchanged per minute and address"),
};
