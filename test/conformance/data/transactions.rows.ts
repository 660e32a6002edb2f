/** references/transactions: what a request sees of its transaction, and how that ends. */
import { call, fails, fault, get, ids, type More, post, put, type Row } from "./kit.ts";

const visitor: More = { as: "harbour_visitor" };
const buoys = (...left: readonly number[]) =>
  get("what is there now", "/buoys?order=id", ids(...left));

export const rows: readonly Row[] = [
  // "Isolation Level"
  get("read committed", "/rpc/isolation", "read committed"),
  get("the role's own", "/rpc/isolation", "repeatable read", visitor),
  get("a function's own", "/rpc/isolation_repeatable", "repeatable read"),
  get(
    "a function's own goes before the role's",
    "/rpc/isolation_serializable",
    "serializable",
    visitor,
  ),
  call("a function's own with POST", "isolation_serializable", {}, "serializable"),
  // "Request Headers, Cookies and JWT claims", "Request Path and Method"
  get("a header", "/rpc/header?name=x-tide", "low", { headers: { "X-Tide": "low" } }),
  get("a header that was not sent", "/rpc/header?name=x-tide", null),
  get("a cookie", "/rpc/cookie?name=session", "abc", {
    headers: { cookie: "other=1; session=abc" },
  }),
  get("the method", "/rpc/setting?name=request.method", "GET"),
  call("the method of POST", "setting", { name: "request.method" }, "POST"),
  get("the path", "/rpc/setting?name=request.path", "/rpc/setting"),
  get("the role", "/rpc/setting?name=role", "anon"),
  get("the search path", "/rpc/setting?name=search_path", '"api", "public"'),
  get("the search path of another schema", "/rpc/greet?name=x", "Farewell, x", {
    headers: { "accept-profile": "archive" },
  }),
  // "Impersonated Role Settings", "Hoisted Function Settings"
  get("a setting of the role", "/rpc/setting?name=statement_timeout", "7s", visitor),
  fails(
    "a function's own statement timeout",
    "GET /rpc/impatient",
    500,
    fault({
      code: "57014",
      message: "canceling statement due to statement timeout",
    }),
  ),
];

/** With `db_tx_end` = "rollback-allow-override". */
export const rollingBack: readonly Row[] = [
  post("nothing is kept", "/buoys", { id: 9 }, undefined, { applied: null, after: buoys(1, 2) }),
  post("the representation is what would be", "/buoys", { id: 9 }, ids(9), {
    prefer: "return=representation",
    applied: "return=representation",
    after: buoys(1, 2),
  }),
  post("tx=commit keeps it", "/buoys", { id: 9 }, undefined, {
    prefer: "tx=commit",
    applied: "tx=commit",
    after: buoys(1, 2, 9),
  }),
  post("tx=rollback is said", "/buoys", { id: 9 }, undefined, {
    prefer: "tx=rollback",
    applied: "tx=rollback",
    after: buoys(1, 2),
  }),
  put("PUT", "/buoys?id=eq.9", { id: 9 }, undefined, { after: buoys(1, 2) }),
  call("a function", "add_scrap", { a: "new" }, undefined, {
    status: 204,
    answer: { "content-type": null },
    after: get("it has not written", "/scraps?a=eq.new", []),
  }),
  fails(
    "an error is an error",
    "POST /buoys",
    409,
    fault({
      code: "23505",
      message: 'duplicate key value violates unique constraint "buoys_pkey"',
      details: "Key (id)=(1) already exists.",
    }),
    { sent: { id: 1 } },
  ),
  get("reading", "/buoys?order=id", ids(1, 2), { prefer: "tx=commit", applied: "tx=commit" }),
];

/** With `db_tx_end` = "commit-allow-override". */
export const committing: readonly Row[] = [
  post("it is kept", "/buoys", { id: 9 }, undefined, { applied: null, after: buoys(1, 2, 9) }),
  post("tx=rollback keeps nothing", "/buoys", { id: 9 }, ids(9), {
    prefer: "tx=rollback, return=representation",
    applied: "return=representation, tx=rollback",
    after: buoys(1, 2),
  }),
];

/** With `db_tx_end` = "rollback". */
export const neverCommitting: readonly Row[] = [
  post("nothing is kept", "/buoys", { id: 9 }, undefined, { after: buoys(1, 2) }),
  post("tx=commit is not for everybody", "/buoys", { id: 9 }, undefined, {
    prefer: "tx=commit",
    applied: null,
    after: buoys(1, 2),
  }),
];

/** With `db_pre_request` = "private.before_request". */
export const beforeRequest: readonly Row[] = [
  get("it sets headers of the answer", "/buoys?order=id", ids(1, 2), {
    answer: { "x-before": "seen" },
  }),
  post("of a write too", "/buoys", { id: 9 }, undefined, { answer: { "x-before": "seen" } }),
  get("what it sets is seen", "/rpc/setting?name=harbour.mood", "calm"),
  get("it changes the role", "/rpc/whoami", "harbour_clerk", {
    headers: { "x-become": "harbour_clerk" },
  }),
  fails(
    "it refuses a request",
    "GET /buoys",
    403,
    fault({
      code: "PT403",
      message: "The gate is shut",
      hint: "Come tomorrow",
    }),
    { headers: { "x-gate": "shut" } },
  ),
  fails(
    "it refuses a write",
    "POST /buoys",
    403,
    fault({
      code: "PT403",
      message: "The gate is shut",
      hint: "Come tomorrow",
    }),
    { sent: { id: 9 }, headers: { "x-gate": "shut" }, after: buoys(1, 2) },
  ),
];

/** With `app_settings`, `server_timing_enabled`, `server_trace_header`. */
export const observed: readonly Row[] = [
  get("an application's setting", "/rpc/setting?name=app.settings.harbour", "Bergen"),
  get("where the time went", "/buoys?order=id", ids(1, 2), {
    answer: {
      "server-timing":
        /^jwt;dur=[\d.]+, parse;dur=[\d.]+, plan;dur=[\d.]+, transaction;dur=[\d.]+, response;dur=[\d.]+$/,
    },
  }),
  get("the trace header comes back", "/buoys?order=id", ids(1, 2), {
    headers: { "x-trace": "abc-123" },
    answer: { "x-trace": "abc-123" },
  }),
];

/** With `db_hoisted_tx_settings` empty. */
export const unhoisted: readonly Row[] = [
  get("a function's isolation is only its own", "/rpc/isolation_serializable", "read committed"),
  get("the role's still holds", "/rpc/isolation", "repeatable read", visitor),
];
