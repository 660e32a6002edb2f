/**
 * The surface of the OAuth server as rows: every route for everybody, and malformed requests. What
 * needs a person's consent is in `test/auth/oauth-*.test.ts`.
 */
import { type As, fault, type HttpRow } from "../support/rows.ts";

const FORM = { "content-type": "application/x-www-form-urlencoded" } as const;
const NO_STORE = { "Cache-Control": "no-store", "Content-Type": "application/json" } as const;
const CLI = "5ea0c70a-c11e-7000-8000-000000000001";
const NOBODY = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b";

const oauthFault = (error: string, description: string) => ({
  error,
  error_description: description,
});
const INVALID_CLIENT = oauthFault("invalid_client", "Client authentication failed");
const INVALID_TOKEN = oauthFault(
  "invalid_token",
  "The access token is missing, expired, revoked or malformed",
);
const NO_AUTHORIZATION = fault({
  code: "no_authorization",
  message: "This endpoint requires a valid Bearer token",
});
const NOT_ADMIN = fault({
  code: "not_admin",
  message: "User not allowed",
  hint: "Send the project's secret key",
});
const NOT_A_USER = fault({
  code: "bad_jwt",
  message: "invalid claim: missing sub claim",
  hint: "Project keys are nobody's; sign in and send the access token",
});
const invalid = (message: string) => fault({ code: "validation_failed", message });

const OPERATORS: readonly (readonly [method: string, path: string])[] = [
  ["GET", "/auth/v1/admin/oauth/clients"],
  ["POST", "/auth/v1/admin/oauth/clients"],
  ["GET", `/auth/v1/admin/oauth/clients/${CLI}`],
  ["PUT", `/auth/v1/admin/oauth/clients/${CLI}`],
  ["DELETE", `/auth/v1/admin/oauth/clients/${CLI}`],
  ["POST", `/auth/v1/admin/oauth/clients/${CLI}/regenerate_secret`],
];
const PEOPLES: readonly (readonly [method: string, path: string])[] = [
  ["GET", "/auth/v1/oauth/authorizations/x"],
  ["POST", "/auth/v1/oauth/authorizations/x/consent"],
  ["GET", "/auth/v1/user/oauth/grants"],
  ["DELETE", `/auth/v1/user/oauth/grants?client_id=${CLI}`],
  ["GET", "/auth/v1/oauth/device?user_code=BCDF-GHJK"],
  ["POST", "/auth/v1/oauth/device"],
];
const BODIES: Readonly<Record<string, object>> = { POST: {}, PUT: {} };

const refusals = (
  what: string,
  routes: readonly (readonly [string, string])[],
  as: As,
  status: number,
  body: object,
): HttpRow[] =>
  routes.map(([method, path]) => ({
    name: `${what}: ${method} ${path}`,
    method,
    path,
    as,
    ...(BODIES[method] ? { body: BODIES[method] } : {}),
    expect: { status, body },
  }));

const strangers: HttpRow[] = [
  ...refusals("clients are the operator's", OPERATORS, "anon", 401, NO_AUTHORIZATION),
  ...refusals("a person manages no clients", OPERATORS, "alice", 403, NOT_ADMIN),
  ...refusals("nobody decides for a person", PEOPLES, "anon", 401, NO_AUTHORIZATION),
  ...refusals("the secret key is no person", PEOPLES, "secret", 403, NOT_A_USER),
];

const form = (
  name: string,
  path: string,
  body: string,
  status: number,
  answer: object,
  headers: Readonly<Record<string, string>> = FORM,
): HttpRow => ({
  name,
  method: "POST",
  path: `/auth/v1/oauth/${path}`,
  headers,
  body,
  expect: { status, headers: NO_STORE, body: answer },
});

const clients: HttpRow[] = [
  form("a token needs a client", "token", "grant_type=refresh_token", 401, INVALID_CLIENT),
  form("a token needs a client that exists", "token", `client_id=${NOBODY}`, 401, INVALID_CLIENT),
  form(
    "a token needs a grant",
    "token",
    `client_id=${CLI}`,
    400,
    oauthFault("invalid_request", "grant_type is required"),
  ),
  form(
    "a token needs a grant that exists",
    "token",
    `client_id=${CLI}&grant_type=password&username=a&password=b`,
    400,
    oauthFault("unsupported_grant_type", "This grant_type is not known here"),
  ),
  form(
    "a token needs a grant that the client may use",
    "token",
    `client_id=${CLI}&grant_type=client_credentials`,
    400,
    oauthFault("unauthorized_client", "The client may not use this grant_type"),
  ),
  form(
    "a parameter counts once",
    "token",
    `client_id=${CLI}&client_id=${CLI}`,
    400,
    oauthFault("invalid_request", "A parameter was sent twice"),
  ),
  form(
    "a refresh token that was never issued is not valid",
    "token",
    `client_id=${CLI}&grant_type=refresh_token&refresh_token=x`,
    400,
    oauthFault("invalid_grant", "The refresh token is not valid"),
  ),
  form("introspection needs a client", "introspect", "token=x", 401, INVALID_CLIENT),
  form(
    "introspection is not for public clients",
    "introspect",
    `token=x&client_id=${CLI}`,
    401,
    INVALID_CLIENT,
  ),
  form("revocation needs a client", "revoke", "token=x", 401, INVALID_CLIENT),
  form(
    "revocation needs a token",
    "revoke",
    `client_id=${CLI}`,
    400,
    oauthFault("invalid_request", "token is required"),
  ),
  form("a device code needs a client", "device_authorization", "", 401, INVALID_CLIENT),
  form(
    "a registration needs redirect URIs",
    "clients/register",
    "{}",
    400,
    oauthFault("invalid_redirect_uri", "redirect_uris is required"),
    { "content-type": "application/json" },
  ),
  form(
    "a registration is an object",
    "clients/register",
    "[]",
    400,
    oauthFault(
      "invalid_request",
      "Could not parse request body as JSON: The body must be a JSON object",
    ),
    { "content-type": "application/json" },
  ),
  {
    name: "the secret key introspects any token, also one that is none",
    method: "POST",
    path: "/auth/v1/oauth/introspect",
    as: "secret",
    headers: FORM,
    body: "token=x",
    expect: { status: 200, headers: NO_STORE, body: { active: false } },
  },
  ...(["anon", "publishable", "secret", "expired", "forged", "foreign"] as const).map(
    (as): HttpRow => ({
      name: `userinfo is about a person, not ${as}`,
      method: "GET",
      path: "/auth/v1/oauth/userinfo",
      as,
      expect: {
        status: 401,
        headers: { ...NO_STORE, "WWW-Authenticate": /^Bearer error="invalid_token"/ },
        body: INVALID_TOKEN,
      },
    }),
  ),
];

const browsers: HttpRow[] = [
  {
    name: "an authorization request needs a client",
    method: "GET",
    path: "/auth/v1/oauth/authorize",
    expect: { status: 400, headers: { Location: null }, body: invalid("client_id is required") },
  },
  {
    name: "an authorization request needs a redirect URI",
    method: "GET",
    path: `/auth/v1/oauth/authorize?client_id=${CLI}`,
    expect: { status: 400, headers: { Location: null }, body: invalid("redirect_uri is required") },
  },
  {
    name: "an authorization request needs a client that exists, and goes nowhere without",
    method: "GET",
    path: `/auth/v1/oauth/authorize?client_id=${NOBODY}&redirect_uri=https://evil.example/`,
    expect: {
      status: 400,
      headers: { Location: null },
      body: fault({ code: "oauth_client_not_found", message: "invalid client_id" }),
    },
  },
  {
    name: "an authorization request goes to registered addresses only",
    method: "GET",
    path: `/auth/v1/oauth/authorize?client_id=${CLI}&redirect_uri=https://evil.example/`,
    expect: { status: 400, headers: { Location: null }, body: invalid("invalid redirect_uri") },
  },
  {
    name: "an authorization request that does not exist is not found",
    method: "GET",
    path: "/auth/v1/oauth/authorizations/none",
    as: "alice",
    expect: {
      status: 404,
      body: fault({
        code: "oauth_authorization_not_found",
        message: "authorization not found",
      }),
    },
  },
  {
    name: "a grant that does not exist cannot be taken back",
    method: "DELETE",
    path: `/auth/v1/user/oauth/grants?client_id=${CLI}`,
    as: "alice",
    expect: {
      status: 404,
      body: fault({
        code: "oauth_consent_not_found",
        message: "No active grant found for this client",
      }),
    },
  },
  {
    name: "grants are the person's own",
    method: "GET",
    path: "/auth/v1/user/oauth/grants",
    as: "alice",
    expect: { status: 200, headers: { "Cache-Control": "no-store" }, body: [] },
  },
];

const METHODS: readonly (readonly [path: string, method: string, allow: string])[] = [
  ["/auth/v1/oauth/token", "GET", "OPTIONS, POST"],
  ["/auth/v1/oauth/introspect", "GET", "OPTIONS, POST"],
  ["/auth/v1/oauth/revoke", "GET", "OPTIONS, POST"],
  ["/auth/v1/oauth/userinfo", "PUT", "GET, HEAD, OPTIONS, POST"],
  ["/auth/v1/oauth/authorize", "DELETE", "GET, HEAD, OPTIONS, POST"],
  ["/auth/v1/oauth/clients/register", "GET", "OPTIONS, POST"],
];

const methods = METHODS.map(
  ([path, method, allow]): HttpRow => ({
    name: `${method} ${path} is 405`,
    method,
    path,
    expect: {
      status: 405,
      headers: { Allow: allow },
      body: fault({ code: "method_not_allowed", message: `${method} is not allowed here` }),
    },
  }),
);

export const oauthRows: readonly HttpRow[] = [...strangers, ...clients, ...browsers, ...methods];
