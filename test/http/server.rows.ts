/** What is the server's own, for every path: the edge, health, the docs page, the admin guard. */
import type { HttpRow } from "../support/rows.ts";

const body = (
  code: string,
  message: string,
  details: string | null = null,
  hint: string | null = null,
) => ({
  code,
  message,
  details,
  hint,
});

const INVALID_PATH_HINT =
  "Send the path in its normal form: no empty, '.' or '..' segments, valid UTF-8";
const invalidPath = (details: string) =>
  body("invalid_path", "The request path is not acceptable", details, INVALID_PATH_HINT);

const TOKEN_HINT =
  "Send `Authorization: Bearer <admin token>`; it is in admin.token in the data folder";
const NO_TOKEN = body(
  "admin_token_required",
  "The admin token is missing or wrong",
  null,
  TOKEN_HINT,
);
const NOT_LOCAL = body(
  "admin_not_local",
  "The admin API answers on this machine only",
  null,
  "Run the command on the server, use `--tunnel ssh://…`, or set [admin] allow_remote = true and connect over TLS",
);
const BROWSER = body(
  "admin_browser_refused",
  "The admin API does not answer web pages",
  null,
  "Use the reactor command line or another program",
);

const JSON_TYPE = { "Content-Type": "application/json" };

const DOCS_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Reactor API</title>
<link rel="stylesheet" href="/swagger/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/swagger/swagger-ui-bundle.js"></script>
<script src="/swagger/start.js"></script>
</body>
</html>
`;

export const rows: HttpRow[] = [
  {
    name: "an unknown path is not found, as JSON",
    method: "GET",
    path: "/nothing/here",
    expect: {
      status: 404,
      headers: JSON_TYPE,
      body: body("not_found", "Nothing is served at /nothing/here"),
    },
  },
  {
    name: "a known path answers another method with 405 and Allow",
    method: "DELETE",
    path: "/health",
    expect: {
      status: 405,
      headers: { Allow: "GET, HEAD, OPTIONS" },
      body: body("method_not_allowed", "DELETE is not allowed here"),
    },
  },
  {
    name: "OPTIONS without an origin tells the methods",
    method: "OPTIONS",
    path: "/health",
    expect: { status: 204, headers: { Allow: "GET, HEAD, OPTIONS" } },
  },
  ...(
    [
      ["an encoded slash", "/auth/v1%2fuser", "It contains an encoded slash"],
      ["an encoded backslash", "/auth/v1%5cuser", "It contains an encoded slash"],
      ["an empty segment", "/auth//v1/user", "It contains an empty segment"],
      ["a NUL", "/auth/v1/%00", "It contains a control character"],
      ["a broken escape", "/auth/v1/%zz", "It is not valid percent-encoded UTF-8"],
      ["overlong UTF-8", "/auth/v1/%c0%ae", "It is not valid percent-encoded UTF-8"],
    ] as const
  ).map(
    ([what, path, details]): HttpRow => ({
      name: `a path with ${what} is refused before routing`,
      method: "GET",
      path,
      expect: { status: 400, headers: JSON_TYPE, body: invalidPath(details) },
    }),
  ),
  {
    name: "a preflight for data is answered as PostgREST does",
    method: "OPTIONS",
    path: "/rest/v1/anything",
    headers: {
      origin: "https://app.example.test",
      "access-control-request-method": "POST",
      "access-control-request-headers": "Foo,Bar",
    },
    expect: {
      status: 200,
      headers: {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Methods": "GET, POST, PATCH, PUT, DELETE, OPTIONS, HEAD",
        "Access-Control-Allow-Headers":
          "Authorization, Foo, Bar, Accept, Accept-Language, Content-Language",
        "Access-Control-Max-Age": "86400",
        "Access-Control-Allow-Credentials": null,
      },
    },
  },
  {
    name: "a preflight is answered for any origin and the headers asked for",
    method: "OPTIONS",
    path: "/auth/v1/anything",
    headers: {
      origin: "https://app.example.test",
      "access-control-request-method": "PATCH",
      "access-control-request-headers": "authorization, x-client-info",
    },
    expect: {
      status: 204,
      headers: {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
        "Access-Control-Allow-Headers": "authorization, x-client-info",
        "Access-Control-Allow-Credentials": null,
      },
    },
  },
  {
    name: "a preflight for the admin API is refused",
    method: "OPTIONS",
    path: "/_admin/status",
    headers: { origin: "https://app.example.test", "access-control-request-method": "GET" },
    expect: { status: 403, headers: { "Access-Control-Allow-Origin": null } },
  },
  {
    name: "an answer to another origin lets it read the request id",
    method: "GET",
    path: "/auth/v1/health",
    headers: { origin: "https://app.example.test" },
    expect: {
      status: 200,
      headers: {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Expose-Headers": /X-Request-Id, Content-Range/,
      },
      body: { name: "Reactor", description: "Identity" },
    },
  },
  {
    name: "HEAD answers like GET, without the body",
    method: "HEAD",
    path: "/auth/v1/health",
    expect: { status: 200, headers: { "Content-Type": /^application\/json/ } },
  },
  {
    name: "HEAD of nothing is not found",
    method: "HEAD",
    path: "/nothing/here",
    expect: { status: 404 },
  },
  {
    name: "a name that only begins like an alias is nobody's",
    method: "GET",
    path: "/rest/v10/artists",
    expect: { status: 404, body: body("not_found", "Nothing is served at /rest/v10/artists") },
  },
  {
    name: "an encoded name of the admin API is another path, and nobody's",
    method: "GET",
    path: "/%5fadmin/status",
    expect: { status: 404, body: body("not_found", "Nothing is served at /%5fadmin/status") },
  },
  {
    name: "dot segments do not lead around the admin API's guard",
    method: "GET",
    path: "/auth/v1/../../_admin/status",
    expect: { status: 401, body: NO_TOKEN },
  },
  {
    name: "the docs page loads nothing from elsewhere",
    method: "GET",
    path: "/swagger",
    expect: {
      status: 200,
      headers: {
        "Content-Type": "text/html;charset=utf-8",
        "Content-Security-Policy": /^default-src 'none'; script-src 'self'/,
      },
      body: DOCS_PAGE,
    },
  },
  {
    name: "live reload is for development only",
    method: "GET",
    path: "/_dev/live",
    expect: { status: 404, body: body("not_found", "Nothing is served at /_dev/live") },
  },
  {
    name: "the admin API wants its token",
    method: "GET",
    path: "/_admin/status",
    expect: { status: 401, headers: { "WWW-Authenticate": "Bearer" }, body: NO_TOKEN },
  },
  {
    name: "the admin API does not take the secret key for its token",
    method: "GET",
    path: "/_admin/status",
    headers: { authorization: "Bearer {secret}" },
    expect: { status: 401, body: NO_TOKEN },
  },
  {
    name: "the admin API tells a stranger nothing of its routes",
    method: "GET",
    path: "/_admin/nothing",
    expect: { status: 401, body: NO_TOKEN },
  },
  {
    name: "the admin API reads no body before it knows who sends it",
    method: "POST",
    path: "/_admin/deploy",
    body: "this is no JSON",
    headers: { "content-type": "application/json" },
    expect: { status: 401, body: NO_TOKEN },
  },
  ...(["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"] as const).map(
    (name): HttpRow => ({
      name: `the admin API refuses a request with ${name}`,
      method: "GET",
      path: "/_admin/version",
      headers: { [name]: "127.0.0.1" },
      expect: { status: 403, body: NOT_LOCAL },
    }),
  ),
  {
    name: "the admin API refuses a page of any origin",
    method: "POST",
    path: "/_admin/shutdown",
    headers: { origin: "http://127.0.0.1:7890" },
    expect: { status: 403, headers: { "Access-Control-Allow-Origin": null }, body: BROWSER },
  },
  {
    name: "the admin API refuses what a browser says is cross-site",
    method: "GET",
    path: "/_admin/version",
    headers: { "sec-fetch-site": "cross-site" },
    expect: { status: 403, body: BROWSER },
  },
  {
    name: "metrics are not for a page whose name was pointed at this machine",
    method: "GET",
    path: "/metrics",
    headers: { host: "rebound.example:7890" },
    expect: {
      status: 403,
      body: body(
        "forbidden",
        "Metrics are read on this machine or with the admin token",
        null,
        "Send `Authorization: Bearer <admin token>`",
      ),
    },
  },
  {
    name: "metrics are not for those behind a proxy",
    method: "GET",
    path: "/metrics",
    headers: { "x-forwarded-for": "203.0.113.9" },
    expect: {
      status: 403,
      body: body(
        "forbidden",
        "Metrics are read on this machine or with the admin token",
        null,
        "Send `Authorization: Bearer <admin token>`",
      ),
    },
  },
];
