/** references/auth: what roles may do, and what the database sees of them. */
import { expect } from "bun:test";
import { call, del, fails, fault, get, ids, type More, patch, post, type Row } from "./kit.ts";

const clerk: More = { as: "harbour_clerk" };
const OWNER = "01890000-0000-7000-8000-0000000000aa";
const denied = (what: string) => fault({ code: "42501", message: `permission denied for ${what}` });
const FULL = { prefer: "return=representation" };

export const rows: readonly Row[] = [
  // "User Impersonation"
  get("nobody is the anonymous role", "/rpc/whoami", "anon"),
  get("a token's role", "/rpc/whoami", "harbour_clerk", clerk),
  call("a token's role with POST", "whoami", {}, "harbour_clerk", clerk),
  get("the next request is nobody again", "/rpc/whoami", "anon"),
  get("the claims", "/rpc/claim?name=sub", OWNER, clerk),
  get("the role among the claims", "/rpc/claim?name=role", "harbour_clerk", clerk),
  get("the anonymous role among the claims", "/rpc/claim?name=role", "anon"),
  get("a claim that is not there", "/rpc/claim?name=nothing", null, clerk),
  // references/errors: 42501 is 401 for nobody, 403 for somebody
  fails("a table that nobody may read", "GET /secrets", 401, denied("table secrets"), {
    answer: { "www-authenticate": "Bearer" },
  }),
  get("a table that the clerk may read", "/secrets", [{ id: 1, word: "xyzzy" }], clerk),
  fails("a table that the master may not read", "GET /ports", 403, denied("table ports"), {
    as: "harbour_master",
    answer: { "www-authenticate": null },
  }),
  fails("a write that nobody may do", "POST /secrets", 401, denied("table secrets"), {
    sent: { id: 2 },
  }),
  fails("an update that nobody may do", "PATCH /secrets?id=eq.1", 401, denied("table secrets"), {
    sent: { word: "x" },
  }),
  fails("a deletion that nobody may do", "DELETE /secrets?id=eq.1", 401, denied("table secrets")),
  fails("a write that the master may not do", "POST /buoys", 403, denied("table buoys"), {
    as: "harbour_master",
    sent: { id: 9 },
  }),
  fails(
    "a function that nobody may call",
    "GET /rpc/clerk_only",
    401,
    denied("function clerk_only"),
  ),
  get("a function that the clerk may call", "/rpc/clerk_only", "clerk", clerk),
  fails(
    "an embedded table that nobody may read",
    "GET /orders_only?select=id,ports(name)",
    401,
    denied("table orders_only"),
  ),
  // columns
  get("the columns that nobody may read", "/wages?select=id,name&order=id", [
    { id: 1, name: "Ana" },
    { id: 2, name: "Bo" },
  ]),
  fails("all columns", "GET /wages", 401, denied("table wages")),
  fails("a hidden column", "GET /wages?select=pay", 401, denied("table wages")),
  fails("a filter by a hidden column", "GET /wages?select=id&pay=gt.1", 401, denied("table wages")),
  fails(
    "an order by a hidden column",
    "GET /wages?select=id&order=pay",
    401,
    denied("table wages"),
  ),
  fails(
    "a logic tree with a hidden column",
    "GET /wages?select=id&or=(id.eq.1,pay.gt.1)",
    401,
    denied("table wages"),
  ),
  // row security
  get(
    "the rows of the caller",
    "/cabins?order=id",
    [
      { id: 1, owner: OWNER, door: 11 },
      { id: 3, owner: OWNER, door: 13 },
    ],
    clerk,
  ),
  get(
    "through a view of the caller's rights",
    "/cabin_doors?order=id",
    [
      { id: 1, door: 11 },
      { id: 3, door: 13 },
    ],
    clerk,
  ),
  get("no rows for nobody", "/cabins", []),
  get("a count of the rows of the caller", "/cabins?select=id&order=id", ids(1, 3), {
    ...clerk,
    prefer: "count=exact",
    range: "0-1/2",
  }),
  get("a row of another", "/cabins?id=eq.2", [], clerk),
  post(
    "a row of the caller",
    "/cabins",
    { id: 4, owner: OWNER },
    [{ id: 4, owner: OWNER, door: null }],
    {
      ...clerk,
      ...FULL,
    },
  ),
  fails(
    "a row for another",
    "POST /cabins",
    403,
    fault({
      code: "42501",
      message: 'new row violates row-level security policy for table "cabins"',
    }),
    { ...clerk, sent: { id: 4, owner: "bo" } },
  ),
  fails(
    "a row by nobody",
    "POST /cabins",
    401,
    fault({
      code: "42501",
      message: 'new row violates row-level security policy for table "cabins"',
    }),
    { sent: { id: 4, owner: "bo" } },
  ),
  patch("an update of another's row", "/cabins?id=eq.2", { door: 0 }, [], {
    ...clerk,
    ...FULL,
    range: "*/*",
  }),
  patch("an update without a filter", "/cabins?select=id&order=id", { door: 0 }, ids(1, 3), {
    ...clerk,
    ...FULL,
  }),
  fails(
    "giving a row away",
    "PATCH /cabins?id=eq.1",
    403,
    fault({
      code: "42501",
      message: 'new row violates row-level security policy for table "cabins"',
    }),
    { ...clerk, sent: { owner: "bo" } },
  ),
  del("a deletion without a filter", "/cabins?select=id&order=id", ids(1, 3), {
    ...clerk,
    ...FULL,
  }),
  // tokens
  fails(
    "a token that is none",
    "GET /buoys",
    401,
    expect.objectContaining({ message: expect.any(String) }),
    {
      headers: { authorization: "Bearer nonsense" },
    },
  ),
  get("bearer in small letters", "/rpc/whoami", "harbour_clerk", {
    headers: { authorization: "bearer {harbour_clerk.token}" },
  }),
];
