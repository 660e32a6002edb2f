/**
 * The surface of `/auth/v1` as rows: every route for everybody, and hostile bodies. Answers that
 * carry a person are asserted in `test/auth`; here is what must be the same in every topology.
 */

import { type As, fault, type HttpRow } from "../support/rows.ts";
import { mailedRows } from "./mailed.rows.ts";
import { oauthRows } from "./oauth.rows.ts";

const API = { "X-Supabase-Api-Version": "2024-01-01", "Cache-Control": "no-store" } as const;
const PASSWORD = "correct horse battery";

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
const ORG_FORBIDDEN = fault({
  code: "org_forbidden",
  message: "X-Reactor-Org names no organisation that this caller belongs to",
  hint: "Leave the header out for the default organisation; GET /auth/v1/orgs lists yours",
});
const INVALID_CREDENTIALS = fault({
  code: "invalid_credentials",
  message: "Invalid login credentials",
});
const badJwt = (details: string) =>
  fault({
    code: "bad_jwt",
    message: "invalid JWT: unable to parse or verify signature",
    details,
  });
const invalid = (message: string, details: string | null = null) =>
  fault({ code: "validation_failed", message, details });
const badJson = (details: string) =>
  fault({ code: "bad_json", message: "Could not parse request body as JSON", details });
const NOT_JSON = badJson("The body is not valid JSON in UTF-8");
const NO_OBJECT = badJson("The body must be a JSON object");

/** What the verifier says of each token that is not good. */
const BAD_TOKENS: readonly (readonly [as: As, reason: string])[] = [
  ["expired", "The token was refused: it has expired"],
  ["forged", "The token was refused: its signature does not verify"],
  ["foreign", "The token was refused: it is of another issuer"],
  ["truncated", "The token was refused: its signature does not verify"],
];

/** Routes that look at who asks: each refuses every token that is not good. */
const CHECKED: readonly (readonly [method: string, path: string, body?: unknown])[] = [
  ["POST", "/auth/v1/signup", { email: "nobody@example.test", password: PASSWORD }],
  ["GET", "/auth/v1/user"],
  ["PUT", "/auth/v1/user", { data: {} }],
  ["POST", "/auth/v1/logout"],
  ["GET", "/auth/v1/admin/users"],
  ["POST", "/auth/v1/admin/users", { email: "nobody@example.test" }],
  ["GET", "/auth/v1/admin/users/{alice.id}"],
  ["DELETE", "/auth/v1/admin/users/{alice.id}"],
  ["GET", "/auth/v1/reauthenticate"],
  ["POST", "/auth/v1/invite", { email: "nobody@example.test" }],
  ["POST", "/auth/v1/admin/generate_link", { type: "magiclink", email: "nobody@example.test" }],
];

const refusedTokens: HttpRow[] = CHECKED.flatMap(([method, path, body]) =>
  BAD_TOKENS.map(([as, reason]) => ({
    name: `${method} ${path} refuses a token that is ${as}`,
    method,
    path,
    as,
    ...(body === undefined ? {} : { body }),
    expect: {
      status: 401,
      headers: { ...API, "WWW-Authenticate": 'Bearer error="invalid_token"' },
      body: badJwt(reason),
    },
  })),
);

const verifyRefusals: HttpRow[] = BAD_TOKENS.map(([as, reason]) => ({
  name: `_verify refuses a token that is ${as}`,
  method: "POST",
  path: "/auth/v1/_verify",
  as,
  expect: {
    status: 401,
    headers: API,
    body: fault({
      code: "bad_credential",
      message: "The credential was not accepted",
      details: reason,
    }),
  },
}));

const PERSONAL = CHECKED.filter(([, path]) => /\/(?:user|logout|reauthenticate)$/.test(path));
const ADMIN = CHECKED.filter(([, path]) => /\/(?:admin\/|invite)/.test(path));

const byNobody: HttpRow[] = [...PERSONAL, ...ADMIN].map(([method, path, body]) => ({
  name: `${method} ${path} needs a credential`,
  method,
  path,
  ...(body === undefined ? {} : { body }),
  expect: {
    status: 401,
    headers: { ...API, "WWW-Authenticate": "Bearer" },
    body: NO_AUTHORIZATION,
  },
}));

const byKeys: HttpRow[] = PERSONAL.flatMap(([method, path, body]) =>
  (["publishable", "secret"] as const).map((as) => ({
    name: `${method} ${path} is for people, not for the ${as} key`,
    method,
    path,
    as,
    ...(body === undefined ? {} : { body }),
    expect: { status: 403, headers: API, body: NOT_A_USER },
  })),
);

const byOthers: HttpRow[] = ADMIN.flatMap(([method, path, body]) =>
  (["publishable", "alice"] as const).map((as) => ({
    name: `${method} ${path} is not for ${as}`,
    method,
    path,
    as,
    ...(body === undefined ? {} : { body }),
    expect: { status: 403, headers: API, body: NOT_ADMIN },
  })),
);

/** Bodies that no route with a body takes. Sent raw, as JSON. */
const HOSTILE: readonly (readonly [what: string, body: string, status: number, answer: object])[] =
  [
    ["an empty body", "", 400, NOT_JSON],
    ["half a body", '{"email":', 400, NOT_JSON],
    ["an array", "[]", 400, NO_OBJECT],
    ["a string", '"x"', 400, NO_OBJECT],
    ["null", "null", 400, NO_OBJECT],
    ["NUL in text", '{"email":"a\\u0000@b.test"}', 400, invalid("Text holds a NUL character")],
    ["a lone surrogate", '{"password":"\\ud800"}', 400, invalid("Text holds a lone surrogate")],
    ["1e400", '{"data":{"n":1e400}}', 400, invalid("The body holds a number out of range")],
    [
      "__proto__",
      '{"data":{"__proto__":{"a":1}}}',
      400,
      invalid("The key __proto__ is not accepted"),
    ],
    [
      "deep nesting",
      `${'{"a":'.repeat(40)}1${"}".repeat(40)}`,
      400,
      invalid("The body is nested deeper than 16 levels"),
    ],
    [
      "more than 64 KiB",
      `{"email":"${"x".repeat(65_536)}"}`,
      413,
      fault({
        code: "payload_too_large",
        message: "The request body is too large",
        details: "The limit is 65536 bytes",
      }),
    ],
  ];

const WITH_BODY: readonly (readonly [method: string, path: string, as: As])[] = [
  ["POST", "/auth/v1/signup", "anon"],
  ["POST", "/auth/v1/token?grant_type=password", "anon"],
  ["POST", "/auth/v1/token?grant_type=refresh_token", "publishable"],
  ["PUT", "/auth/v1/user", "alice"],
  ["POST", "/auth/v1/admin/users", "secret"],
  ["POST", "/auth/v1/otp", "anon"],
  ["POST", "/auth/v1/magiclink", "anon"],
  ["POST", "/auth/v1/recover", "publishable"],
  ["POST", "/auth/v1/resend", "anon"],
  ["POST", "/auth/v1/verify", "anon"],
  ["POST", "/auth/v1/invite", "secret"],
  ["POST", "/auth/v1/admin/generate_link", "secret"],
];

const hostile: HttpRow[] = WITH_BODY.flatMap(([method, path, as]) =>
  HOSTILE.map(([what, body, status, answer]) => ({
    name: `${method} ${path} refuses ${what}`,
    method,
    path,
    as,
    headers: { "content-type": "application/json" },
    body,
    expect: { status, headers: API, body: answer },
  })),
);

const contentTypes: HttpRow[] = WITH_BODY.flatMap(([method, path, as]) =>
  ["text/plain", "application/x-www-form-urlencoded"].map((type) => ({
    name: `${method} ${path} refuses ${type}`,
    method,
    path,
    as,
    headers: { "content-type": type },
    body: "email=a%40b.test",
    expect: {
      status: 415,
      headers: API,
      body: fault({
        code: "unsupported_media_type",
        message: `Content-Type ${type} is not accepted here`,
        hint: "Send application/json",
      }),
    },
  })),
);

interface Wrong {
  readonly name: string;
  readonly path: string;
  readonly as?: As;
  readonly method?: string;
  readonly body: unknown;
  readonly status: number;
  readonly answer: unknown;
}

const SIGNUP = "/auth/v1/signup";
const BY_PASSWORD = "/auth/v1/token?grant_type=password";
const BY_REFRESH = "/auth/v1/token?grant_type=refresh_token";
const BAD_EMAIL = invalid("Unable to validate email address: invalid format");
const NO_PHONE = fault({ code: "phone_provider_disabled", message: "Phone sign-ins are disabled" });
const UNSUPPORTED = fault({
  code: "invalid_credentials",
  message: "unsupported_grant_type",
  hint: "grant_type is password, refresh_token, pkce or id_token",
});
const NOT_FOUND_TOKEN = fault({
  code: "refresh_token_not_found",
  message: "Invalid Refresh Token: Refresh Token Not Found",
});

const WRONG: readonly Wrong[] = [
  {
    name: "sign-up without anything is an anonymous one, which is off",
    path: SIGNUP,
    body: {},
    status: 422,
    answer: fault({
      code: "anonymous_provider_disabled",
      message: "Anonymous sign-ins are disabled",
      hint: "Send an email and a password",
    }),
  },
  {
    name: "sign-up needs a password",
    path: SIGNUP,
    body: { email: "a@example.test" },
    status: 400,
    answer: invalid("Signup requires a valid password"),
  },
  ...["not an address", "a@b@c.test", "@example.test", `${"a".repeat(300)}@b.test`].map(
    (email) => ({
      name: `sign-up refuses the address ${email.slice(0, 20)}`,
      path: SIGNUP,
      body: { email, password: PASSWORD },
      status: 400,
      answer: BAD_EMAIL,
    }),
  ),
  {
    name: "sign-up refuses a short password with reasons",
    path: SIGNUP,
    body: { email: "a@example.test", password: "short" },
    status: 422,
    answer: {
      ...fault({ code: "weak_password", message: "Password should be at least 8 characters." }),
      weak_password: { reasons: ["length"] },
    },
  },
  {
    name: "sign-up refuses a password of more than 1024 bytes",
    path: SIGNUP,
    body: { email: "a@example.test", password: "é".repeat(513) },
    status: 400,
    answer: invalid("Password cannot be longer than 1024 bytes"),
  },
  ...[
    ["email", 1],
    ["password", ["x"]],
    ["email", { a: 1 }],
    ["phone", false],
  ].map(([key, value]) => ({
    name: `sign-up refuses ${String(key)} of type ${typeof value}`,
    path: SIGNUP,
    body: { email: "a@example.test", password: PASSWORD, [String(key)]: value },
    status: 400,
    answer: invalid(`${String(key)} must be a string`),
  })),
  {
    name: "sign-up refuses data that is no object",
    path: SIGNUP,
    body: { email: "a@example.test", password: PASSWORD, data: [] },
    status: 400,
    answer: invalid("data must be an object"),
  },
  {
    name: "sign-up by phone is off",
    path: SIGNUP,
    body: { phone: "+15550100", password: PASSWORD },
    status: 400,
    answer: NO_PHONE,
  },
  {
    name: "a token needs a grant type",
    path: "/auth/v1/token",
    body: {},
    status: 400,
    answer: UNSUPPORTED,
  },
  {
    name: "a token needs a grant type that exists",
    path: "/auth/v1/token?grant_type=client_credentials",
    body: {},
    status: 400,
    answer: UNSUPPORTED,
  },
  {
    name: "the password grant needs an address",
    path: BY_PASSWORD,
    body: { password: PASSWORD },
    status: 400,
    answer: invalid("missing email or phone"),
  },
  {
    name: "an unknown address cannot sign in",
    path: BY_PASSWORD,
    body: { email: "unknown@example.test", password: PASSWORD },
    status: 400,
    answer: INVALID_CREDENTIALS,
  },
  {
    name: "a text that is no address answers like an unknown one",
    path: BY_PASSWORD,
    body: { email: "' or 1=1 --", password: PASSWORD },
    status: 400,
    answer: INVALID_CREDENTIALS,
  },
  {
    name: "signing in by phone is refused to nobody",
    path: BY_PASSWORD,
    body: { phone: "+15550100", password: PASSWORD },
    status: 400,
    answer: INVALID_CREDENTIALS,
  },
  {
    name: "signing in does not look at the bearer token",
    path: BY_PASSWORD,
    as: "expired",
    body: { password: PASSWORD },
    status: 400,
    answer: invalid("missing email or phone"),
  },
  {
    name: "the refresh grant needs a token",
    path: BY_REFRESH,
    body: {},
    status: 400,
    answer: invalid("refresh_token required"),
  },
  {
    name: "the refresh grant needs text",
    path: BY_REFRESH,
    body: { refresh_token: 7 },
    status: 400,
    answer: invalid("refresh_token must be a string"),
  },
  ...["x", "A".repeat(43), "A".repeat(5000)].map((token) => ({
    name: `a refresh token of ${token.length} characters that was never issued is not found`,
    path: BY_REFRESH,
    body: { refresh_token: token },
    status: 400,
    answer: NOT_FOUND_TOKEN,
  })),
  {
    name: "people cannot write their app_metadata",
    method: "PUT",
    path: "/auth/v1/user",
    as: "alice",
    body: { app_metadata: { role: "admin" } },
    status: 403,
    answer: fault({
      code: "not_admin",
      message: "Updating app_metadata requires admin privileges",
    }),
  },
  {
    name: "people cannot take an address that is none",
    method: "PUT",
    path: "/auth/v1/user",
    as: "alice",
    body: { email: "nowhere" },
    status: 400,
    answer: BAD_EMAIL,
  },
  {
    name: "a user needs an address",
    path: "/auth/v1/admin/users",
    as: "secret",
    body: {},
    status: 400,
    answer: invalid("Cannot create a user without either an email or phone"),
  },
  {
    name: "a user's id is a UUID",
    path: "/auth/v1/admin/users",
    as: "secret",
    body: { email: "a@example.test", id: "7" },
    status: 400,
    answer: invalid("id must be an UUID"),
  },
  {
    name: "a user's role is the name of a role",
    path: "/auth/v1/admin/users",
    as: "secret",
    body: { email: "a@example.test", role: "postgres; drop" },
    status: 400,
    answer: invalid("role must be a database role's name"),
  },
  {
    name: "a ban has a duration",
    path: "/auth/v1/admin/users",
    as: "secret",
    body: { email: "a@example.test", ban_duration: "forever" },
    status: 400,
    answer: invalid("invalid format for ban duration"),
  },
  {
    name: "email_confirm is a flag",
    path: "/auth/v1/admin/users",
    as: "secret",
    body: { email: "a@example.test", email_confirm: "yes" },
    status: 400,
    answer: invalid("email_confirm must be true or false"),
  },
];

const wrong: HttpRow[] = WRONG.map(({ name, method = "POST", path, as = "anon", ...row }) => ({
  name,
  method,
  path,
  as,
  body: row.body,
  expect: { status: row.status, headers: API, body: row.answer },
}));

const NO_USER = fault({ code: "user_not_found", message: "User not found" });
const NO_UUID = invalid("user_id must be an UUID");
const NO_ID = "00000000-0000-4000-8000-000000000000";

const missing: HttpRow[] = ["GET", "DELETE"].flatMap((method) =>
  [
    [NO_ID, NO_USER],
    ["7", NO_UUID],
    ["%27", NO_UUID],
  ].map(([id, body]) => ({
    name: `${method} of the user ${String(id)} is 404`,
    method,
    path: `/auth/v1/admin/users/${String(id)}`,
    as: "secret" as const,
    expect: { status: 404, headers: API, body },
  })),
);

const paging: HttpRow[] = ["page=0", "page=-1", "page=x", "per_page=1001", "per_page=1e3"].map(
  (query) => ({
    name: `listing users refuses ${query}`,
    method: "GET",
    path: `/auth/v1/admin/users?${query}`,
    as: "secret" as const,
    expect: {
      status: 400,
      headers: API,
      body: invalid(
        "Bad Pagination Parameters",
        query.startsWith("per")
          ? "per_page is a number from 1 to 1000"
          : "page is a number from 1 to 1000000",
      ),
    },
  }),
);

const METHODS: readonly (readonly [path: string, method: string, allow: string])[] = [
  ["/auth/v1/signup", "GET", "OPTIONS, POST"],
  ["/auth/v1/token", "GET", "OPTIONS, POST"],
  ["/auth/v1/user", "DELETE", "GET, HEAD, OPTIONS, PUT"],
  ["/auth/v1/logout", "GET", "OPTIONS, POST"],
  ["/auth/v1/settings", "POST", "GET, HEAD, OPTIONS"],
  ["/auth/v1/.well-known/jwks.json", "PUT", "GET, HEAD, OPTIONS"],
  ["/auth/v1/admin/users", "PUT", "GET, HEAD, OPTIONS, POST"],
  ["/auth/v1/otp", "GET", "OPTIONS, POST"],
  ["/auth/v1/verify", "PUT", "GET, HEAD, OPTIONS, POST"],
  ["/auth/v1/reauthenticate", "POST", "GET, HEAD, OPTIONS"],
];

const methods: HttpRow[] = METHODS.map(([path, method, allow]) => ({
  name: `${method} ${path} is not allowed`,
  method,
  path,
  expect: {
    status: 405,
    headers: { Allow: allow },
    body: fault({ code: "method_not_allowed", message: `${method} is not allowed here` }),
  },
}));

const open: HttpRow[] = [
  {
    name: "settings say which ways in there are",
    method: "GET",
    path: "/auth/v1/settings",
    expect: {
      status: 200,
      headers: API,
      body: {
        external: { anonymous_users: false, email: true, phone: false },
        disable_signup: false,
        mailer_autoconfirm: true,
        phone_autoconfirm: false,
        sms_provider: "",
        saml_enabled: true,
      },
    },
  },
  {
    name: "health answers without a credential",
    method: "GET",
    path: "/auth/v1/health",
    expect: { status: 200, headers: API, body: { name: "Reactor", description: "Identity" } },
  },
  {
    name: "_verify knows nobody",
    method: "POST",
    path: "/auth/v1/_verify",
    expect: { status: 200, headers: API, body: keyOf("anon") },
  },
  {
    name: "_verify knows the publishable key",
    method: "POST",
    path: "/auth/v1/_verify",
    as: "publishable",
    expect: { status: 200, headers: API, body: keyOf("anon") },
  },
  {
    name: "_verify knows the secret key",
    method: "POST",
    path: "/auth/v1/_verify",
    as: "secret",
    expect: { status: 200, headers: API, body: keyOf("service_role") },
  },
  {
    name: "logout refuses a scope that does not exist",
    method: "POST",
    path: "/auth/v1/logout?scope=everything",
    as: "alice",
    expect: {
      status: 400,
      headers: API,
      body: invalid('Unsupported logout scope "everything"'),
    },
  },
  {
    name: "logout of the others leaves this session",
    method: "POST",
    path: "/auth/v1/logout?scope=others",
    as: "bob",
    expect: { status: 204, headers: { ...API, "Content-Type": null } },
  },
  {
    name: "a path under auth that is none is 404",
    method: "GET",
    path: "/auth/v1/nothing",
    expect: {
      status: 404,
      body: fault({ code: "not_found", message: "Nothing is served at /auth/v1/nothing" }),
    },
  },
];

function keyOf(role: string) {
  const nobody = { user_id: null, expires_at: null };
  return { role, claims: JSON.stringify({ role }), ...nobody };
}

/** Organisations and API keys: the routes for nobody, and what the header may not name. */
const organisations: HttpRow[] = [
  ...["/auth/v1/orgs", "/auth/v1/orgs/acme/members", "/auth/v1/api-keys"].map((path) => ({
    name: `GET ${path} needs a credential`,
    method: "GET",
    path,
    expect: { status: 401, headers: API, body: NO_AUTHORIZATION },
  })),
  {
    name: "an organisation that one is not in is not told from one that does not exist",
    method: "GET",
    path: "/auth/v1/orgs/acme",
    as: "alice",
    expect: {
      status: 404,
      headers: API,
      body: fault({ code: "org_not_found", message: "You belong to no such organisation" }),
    },
  },
  ...(["anon", "publishable", "secret", "alice"] as const).map((as) => ({
    name: `X-Reactor-Org that names no organisation of theirs is refused for ${as}`,
    method: "GET",
    path: "/auth/v1/permissions",
    as,
    headers: { "X-Reactor-Org": "acme" },
    expect: { status: 403, headers: API, body: ORG_FORBIDDEN },
  })),
  {
    name: "an API key that is none is refused",
    method: "GET",
    path: "/auth/v1/permissions",
    headers: { apikey: `rk_${"0".repeat(32)}_${"A".repeat(43)}` },
    expect: {
      status: 401,
      headers: { ...API, "WWW-Authenticate": 'Bearer error="invalid_token"' },
      body: fault({
        code: "bad_credential",
        message: "The credential was not accepted",
        details: "The API key is not one of this project's",
      }),
    },
  },
];

export const rows: HttpRow[] = [
  ...organisations,
  ...open,
  ...byNobody,
  ...byKeys,
  ...byOthers,
  ...refusedTokens,
  ...verifyRefusals,
  ...hostile,
  ...contentTypes,
  ...wrong,
  ...missing,
  ...paging,
  ...methods,
  ...mailedRows,
  ...oauthRows,
];
