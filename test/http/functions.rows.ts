/**
 * The surface of `/fn/v1` as rows, against the functions of `test/fixtures/project`: what a call is
 * given and gives, who may call and manage, and hostile names, headers and bodies.
 */
import { type As, fault, type HttpRow } from "../support/rows.ts";

const notFound = (name: string) =>
  fault({
    code: "function_not_found",
    message: `There is no function '${name}'`,
    hint: "`reactor fn list` shows what is deployed",
  });
const needsCredential = (name: string) =>
  fault({
    code: "credential_required",
    message: `The function '${name}' needs a credential`,
    hint: "Send a key as `apikey` or `Authorization: Bearer`, or set verify_jwt = false for this function",
  });
const ADMIN_NEEDS_CREDENTIAL = fault({
  code: "credential_required",
  message: "Managing functions needs the secret key",
  hint: "Send it as `apikey` or `Authorization: Bearer`",
});
const notTheSecretKey = (role: string) =>
  fault({
    code: "service_role_required",
    message: "Managing functions needs the secret key",
    details: `The credential's role is '${role}'`,
  });

/** Headers that a call carries whatever came of it. */
const called = (name: string) => ({
  "X-Reactor-Function": name,
  "X-Reactor-Version": /^[0-9a-f]{64}$/,
  "X-Reactor-Duration-Ms": "<ms>",
});

const calls: HttpRow[] = [
  {
    name: "a function answers with its own status, headers and body",
    method: "GET",
    path: "/fn/v1/teapot",
    as: "publishable",
    expect: {
      status: 418,
      headers: {
        ...called("teapot"),
        "X-Reactor-Cold-Start": /^(true|false)$/,
        "X-Tea": "green",
        "Content-Type": "text/plain",
      },
      body: "short and stout",
    },
  },
  {
    name: "the alias of other clients reaches the same function",
    method: "POST",
    path: "/functions/v1/teapot",
    as: "publishable",
    expect: { status: 418, headers: called("teapot"), body: "short and stout" },
  },
  {
    name: "a function sees method, path below it, query and body, and no credential",
    method: "PATCH",
    path: "/fn/v1/echo/a/b%20c?x=1&x=%26",
    as: "publishable",
    headers: { "content-type": "text/plain", cookie: "session=1", "x-own": "kept" },
    body: "in",
    expect: {
      status: 200,
      headers: called("echo"),
      body: {
        method: "PATCH",
        path: "/a/b%20c",
        search: "?x=1&x=%26",
        headers: {
          "content-length": "2",
          "content-type": "text/plain",
          "x-forwarded-proto": "http",
          "x-own": "kept",
          "x-reactor-auth": '{"role":"anon","user_id":null,"claims":{"role":"anon"}}',
        },
        body: "in",
      },
    },
  },
  {
    name: "headers that only the server may set are taken off",
    method: "GET",
    path: "/fn/v1/echo",
    as: "publishable",
    headers: {
      "x-reactor-auth": '{"role":"service_role"}',
      "x-reactor-call": "{}",
      "x-reactor-outcome": "failed",
      "x-forwarded-for": "127.0.0.1",
      "x-forwarded-proto": "https",
      forwarded: "for=127.0.0.1",
      "x-real-ip": "127.0.0.1",
    },
    expect: {
      status: 200,
      body: {
        method: "GET",
        path: "/",
        search: "",
        headers: {
          "x-forwarded-proto": "http",
          "x-reactor-auth": '{"role":"anon","user_id":null,"claims":{"role":"anon"}}',
        },
        body: "",
      },
    },
  },
  {
    name: "a HEAD request gets the head of the answer",
    method: "HEAD",
    path: "/fn/v1/teapot",
    as: "publishable",
    expect: { status: 418, headers: { ...called("teapot"), "X-Tea": "green" } },
  },
  {
    name: "to HEAD nothing is said of a length that is not known",
    method: "HEAD",
    path: "/fn/v1/stream",
    as: "publishable",
    expect: { status: 200, headers: { ...called("stream"), "Content-Length": null } },
  },
  {
    name: "a body passes through as a stream",
    method: "POST",
    path: "/fn/v1/stream",
    as: "publishable",
    headers: { "content-type": "text/plain" },
    body: "middle\n",
    expect: { status: 200, body: "begin\nmiddle\nend\n" },
  },
  {
    name: "environment and config reach the function",
    method: "GET",
    path: "/fn/v1/settings",
    as: "publishable",
    expect: { status: 200, body: { greeting: "good day", config: { colour: "green" } } },
  },
  {
    name: "a function cannot speak with the server's own headers",
    method: "GET",
    path: "/fn/v1/open",
    expect: { status: 200, headers: { ...called("open"), "X-Own": "kept" }, body: "none" },
  },
];

const failures: HttpRow[] = [
  {
    name: "a throw is 500 with its message",
    method: "GET",
    path: "/fn/v1/fail",
    as: "publishable",
    expect: {
      status: 500,
      headers: called("fail"),
      body: fault({ code: "function_failed", message: "no luck today" }),
    },
  },
  {
    name: "a function that does not answer ends at its deadline, which is named",
    method: "GET",
    path: "/fn/v1/slow",
    as: "publishable",
    expect: {
      status: 504,
      headers: called("slow"),
      body: fault({
        code: "function_timeout",
        message: 'The function "slow" did not finish in time',
        details: "Its deadline is 200 ms",
        hint: "Raise deadline_ms in the function's settings, or do less per call",
      }),
    },
  },
  {
    name: "a function that gives the processor no rest ends at its deadline",
    method: "GET",
    path: "/fn/v1/spin",
    as: "publishable",
    expect: {
      status: 504,
      body: fault({
        code: "function_timeout",
        message: 'The function "spin" did not finish in time',
        details: "Its deadline is 300 ms",
        hint: "Raise deadline_ms in the function's settings, or do less per call",
      }),
    },
  },
  {
    name: "a body over body_in is 413 and the limit is named",
    method: "POST",
    path: "/fn/v1/stream",
    as: "publishable",
    headers: { "content-type": "text/plain" },
    body: "x".repeat(1_048_577),
    expect: {
      status: 413,
      headers: called("stream"),
      body: fault({
        code: "body_too_large",
        message: "The request body is larger than the function 'stream' accepts",
        details: "Its body_in limit is 1048576 bytes",
        hint: "Raise body_in_mb in the function's settings",
      }),
    },
  },
  {
    name: "a function that is not there is 404",
    method: "GET",
    path: "/fn/v1/nothing",
    as: "publishable",
    expect: { status: 404, headers: { "X-Reactor-Function": null }, body: notFound("nothing") },
  },
  {
    name: "a hostile name is a name that is not there, and is cut",
    method: "POST",
    path: `/fn/v1/${"%22%27%3Cscript%3E".repeat(20)}`,
    as: "publishable",
    expect: { status: 404, body: notFound("%22%27%3Cscript%3E".repeat(20).slice(0, 64)) },
  },
  {
    name: "names of every object are no functions",
    method: "GET",
    path: "/fn/v1/__proto__",
    as: "publishable",
    expect: { status: 404, body: notFound("__proto__") },
  },
  {
    name: "the mount itself is nothing",
    method: "GET",
    path: "/fn/v1",
    as: "secret",
    expect: {
      status: 404,
      body: fault({ code: "not_found", message: "Nothing is served at /fn/v1" }),
    },
  },
];

const wasm: HttpRow[] = [
  {
    name: "a WASM function is called by POST: input bytes in, output bytes out",
    method: "POST",
    path: "/fn/v1/bytes-tool",
    as: "publishable",
    headers: { "content-type": "text/plain" },
    body: "stressed",
    expect: { status: 200, headers: called("bytes-tool"), body: "desserts" },
  },
  {
    name: "an export is called by its name, with the function's config",
    method: "POST",
    path: "/fn/v1/bytes-tool/config",
    as: "publishable",
    expect: { status: 200, body: "good day" },
  },
  {
    name: "a plug-in error is 500 with its message",
    method: "POST",
    path: "/fn/v1/bytes-tool/fail",
    as: "publishable",
    headers: { "content-type": "text/plain" },
    body: "today",
    expect: {
      status: 500,
      headers: called("bytes-tool"),
      body: fault({ code: "function_failed", message: "no luck: today" }),
    },
  },
  {
    name: "a WASM function knows no other method",
    method: "GET",
    path: "/fn/v1/bytes-tool",
    as: "publishable",
    expect: {
      status: 405,
      headers: { Allow: "POST" },
      body: fault({ code: "method_not_allowed", message: "GET is not allowed here" }),
    },
  },
  {
    name: "an export that is not there is 404 and tells which are",
    method: "POST",
    path: "/fn/v1/bytes-tool/nothing",
    as: "publishable",
    expect: {
      status: 404,
      body: fault({
        code: "export_not_found",
        message: 'The function "bytes-tool" has no export "nothing"',
        details: "It exports bytes_tool, fail, trap, spin, config, say",
      }),
    },
  },
  {
    name: "a path below an export is none",
    method: "POST",
    path: "/fn/v1/bytes-tool/fail/more",
    as: "publishable",
    expect: {
      status: 404,
      body: fault({
        code: "export_not_found",
        message: "The path below 'bytes-tool' names no export",
        hint: "POST /fn/v1/bytes-tool or POST /fn/v1/bytes-tool/{export}",
      }),
    },
  },
  // Behind the others of modules: it may cost a slow machine its host, and the next call is a cold start then.
  {
    name: "a WASM loop without end is stopped at the deadline",
    method: "POST",
    path: "/fn/v1/spinner",
    as: "publishable",
    expect: {
      status: 504,
      body: fault({
        code: "function_timeout",
        message: 'The function "spinner" did not finish in time',
        details: "Its deadline is 300 ms",
        hint: "Raise deadline_ms in the function's settings, or do less per call",
      }),
    },
  },
];

const BAD_TOKENS: readonly (readonly [as: As, reason: string])[] = [
  ["expired", "The token was refused: it has expired"],
  ["forged", "The token was refused: its signature does not verify"],
  ["foreign", "The token was refused: it is of another issuer"],
  ["truncated", "The token was refused: its signature does not verify"],
];

const credentials: HttpRow[] = [
  {
    name: "a function needs a credential",
    method: "GET",
    path: "/fn/v1/teapot",
    expect: {
      status: 401,
      headers: {
        "WWW-Authenticate": /^Bearer(?: resource_metadata=|$)/,
        "X-Reactor-Function": null,
      },
      body: needsCredential("teapot"),
    },
  },
  {
    name: "a key will do, and the function learns whose it is",
    method: "GET",
    path: "/fn/v1/webhook",
    as: "secret",
    expect: {
      status: 200,
      body: {
        authorization: null,
        caller: { role: "service_role", user_id: null, claims: { role: "service_role" } },
      },
    },
  },
  {
    name: "an open function that reads Authorization itself gets foreign credentials, as from nobody",
    method: "POST",
    path: "/fn/v1/webhook",
    headers: { authorization: "Basic d2ViaG9vazpzZWNyZXQ=" },
    expect: {
      status: 200,
      body: {
        authorization: "Basic d2ViaG9vazpzZWNyZXQ=",
        caller: { role: "anon", user_id: null, claims: { role: "anon" } },
      },
    },
  },
  ...BAD_TOKENS.map(
    ([as, details]): HttpRow => ({
      name: `a bad credential (${as}) is 401 even for an open function`,
      method: "GET",
      path: "/fn/v1/open",
      as,
      expect: {
        status: 401,
        headers: { "WWW-Authenticate": /^Bearer/ },
        body: fault({
          code: "bad_credential",
          message: "The credential was not accepted",
          details,
        }),
      },
    }),
  ),
];

const ADMIN_ROUTES: readonly (readonly [method: string, path: string])[] = [
  ["GET", "/fn/v1/_admin"],
  ["GET", "/fn/v1/_admin/echo"],
  ["GET", "/fn/v1/_admin/echo/versions"],
  ["GET", "/fn/v1/_admin/echo/logs"],
  ["GET", "/fn/v1/_admin/echo/logs?follow=1"],
  ["POST", "/fn/v1/_admin/echo/rollback"],
  ["POST", "/fn/v1/_admin/echo/promote"],
  ["GET", "/fn/v1/_admin/echo/invocations"],
  ["GET", "/fn/v1/_admin/echo/secrets"],
  ["PATCH", "/fn/v1/_admin/echo/secrets"],
  ["GET", "/fn/v1/_admin/echo/env"],
  ["PATCH", "/fn/v1/_admin/_shared/env"],
  ["DELETE", "/fn/v1/_admin/echo"],
  ["GET", "/fn/v1/_admin/echo/nothing"],
];

const CUT_OFF = fault({
  code: "bad_request",
  message: "The request body is not valid JSON in UTF-8",
});
const NO_OBJECT = fault({
  code: "bad_request",
  message: "The request body must be a JSON object",
});
const UNKNOWN_KEY = fault({
  code: "validation_failed",
  message: "The request does not have the expected form",
  details: "body/versoin: Property 'versoin' should not be provided",
});

const admin: HttpRow[] = [
  ...ADMIN_ROUTES.flatMap(([method, path]): HttpRow[] => [
    {
      name: `${method} ${path} without a credential is 401`,
      method,
      path,
      expect: { status: 401, body: ADMIN_NEEDS_CREDENTIAL },
    },
    {
      name: `${method} ${path} with the publishable key is 403`,
      method,
      path,
      as: "publishable",
      expect: { status: 403, body: notTheSecretKey("anon") },
    },
    {
      name: `${method} ${path} as a user is 403`,
      method,
      path,
      as: "alice",
      expect: { status: 403, body: notTheSecretKey("authenticated") },
    },
  ]),
  {
    name: "the versions of a function that is not there are 404",
    method: "GET",
    path: "/fn/v1/_admin/nothing/versions",
    as: "secret",
    expect: { status: 404, body: notFound("nothing") },
  },
  {
    name: "a function with one version has none to go back to",
    method: "POST",
    path: "/fn/v1/_admin/echo/rollback",
    as: "secret",
    body: {},
    expect: {
      status: 409,
      body: fault({
        code: "nothing_to_roll_back",
        message: "The function 'echo' has no earlier version to go back to",
      }),
    },
  },
  ...[
    { what: "cut off", body: '{"version":"0', refusal: CUT_OFF },
    { what: "no object", body: "[]", refusal: NO_OBJECT },
    { what: "of an unknown key", body: '{"versoin":"00000000"}', refusal: UNKNOWN_KEY },
  ].map(
    ({ what, body, refusal }): HttpRow => ({
      name: `a rollback whose body is ${what} rolls nothing back`,
      method: "POST",
      path: "/fn/v1/_admin/echo/rollback",
      as: "secret",
      headers: { "content-type": "application/json" },
      body,
      expect: { status: 400, body: refusal },
    }),
  ),
  {
    name: "a promotion with a key that does not exist promotes nothing",
    method: "POST",
    path: "/fn/v1/_admin/echo/promote",
    as: "secret",
    body: { versoin: "0".repeat(64) },
    expect: { status: 400, body: UNKNOWN_KEY },
  },
  {
    name: "a rollback is to the version asked for, whatever the body is called",
    method: "POST",
    path: "/fn/v1/_admin/echo/rollback",
    as: "secret",
    headers: { "content-type": "text/plain" },
    body: JSON.stringify({ version: "0".repeat(64) }),
    expect: {
      status: 404,
      body: fault({
        code: "version_not_found",
        message: `The function 'echo' has no version '${"0".repeat(64)}'`,
        hint: "GET /fn/v1/_admin/echo/versions lists them",
      }),
    },
  },
  {
    name: "a rollback to a version that is not there is 404",
    method: "POST",
    path: "/fn/v1/_admin/echo/rollback",
    as: "secret",
    body: { version: "0".repeat(64) },
    expect: {
      status: 404,
      body: fault({
        code: "version_not_found",
        message: `The function 'echo' has no version '${"0".repeat(64)}'`,
        hint: "GET /fn/v1/_admin/echo/versions lists them",
      }),
    },
  },
  {
    name: "the page of functions after the last is empty",
    method: "GET",
    path: "/fn/v1/_admin?after=zzz&limit=1",
    as: "secret",
    expect: { status: 200, body: { functions: [], next: null } },
  },
  ...[
    ["_admin?limit=all", "query/limit: Expected integer from 1 to 1000"],
    ["_admin?limit=1.5", "query/limit: Expected integer from 1 to 1000"],
    ["_admin/teapot/logs?limit=1.5", "query/limit: Expected integer from 1 to 1000"],
    ["_admin/teapot/logs?limit=0", "query/limit: Expected integer from 1 to 1000"],
    [
      "_admin/teapot/logs?level=foo",
      "query/level: Expected one of 'debug', 'info', 'warn', 'error'",
    ],
    [
      "_admin/teapot/logs?request_id=%00",
      "query/request_id: Expected string to match '^[^\\u0000]*$'",
    ],
    ["_admin/teapot/invocations?limit=1.5", "query/limit: Expected integer from 1 to 1000"],
    ["_admin/teapot/invocations?failed=2", "query/failed: Expected one of '1', '0'"],
    [
      "_admin/teapot/invocations?version=%00",
      "query/version: Expected string to match '^[^\\u0000]*$'",
    ],
    [
      "_admin/teapot/invocations?request_id=%00",
      "query/request_id: Expected string to match '^[^\\u0000]*$'",
    ],
  ].map(([path = "", details = ""]): HttpRow => {
    const message = "The request does not have the expected form";
    return {
      name: `what cannot be asked for is refused by name: ${path}`,
      method: "GET",
      path: `/fn/v1/${path}`,
      as: "secret",
      expect: { status: 400, body: fault({ code: "validation_failed", message, details }) },
    };
  }),
  ...["%2B275760-09-13", "-271821-04-20T00:00:00Z"].map(
    (since): HttpRow => ({
      name: `a time that the database cannot hold is refused: ${since}`,
      method: "GET",
      path: `/fn/v1/_admin/teapot/logs?since=${since}`,
      as: "secret",
      expect: {
        status: 400,
        body: fault({
          code: "bad_request",
          message: "since must be the id of a line or a time",
        }),
      },
    }),
  ),
];

export const rows: HttpRow[] = [...calls, ...failures, ...wasm, ...credentials, ...admin];
