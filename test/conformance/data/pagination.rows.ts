/** references/api/pagination_count. */
import { fails, fault, get, head, ids, post, type Row } from "./kit.ts";

const numbers = (from: number, to: number) =>
  ids(...Array.from({ length: to - from + 1 }, (_, at) => from + at));
const exact = "count=exact";
const unsatisfiable = (details: string) =>
  fault({ code: "PGRST103", message: "Requested range not satisfiable", details });

export const rows: readonly Row[] = [
  // "Limits and Pagination"
  get("limit", "/items?order=id&limit=3", numbers(1, 3)),
  get("offset", "/items?order=id&offset=12", numbers(13, 15), { range: "12-14/*" }),
  get("limit and offset", "/items?order=id&limit=2&offset=5", numbers(6, 7), { range: "5-6/*" }),
  get("a limit beyond the end", "/items?order=id&limit=9&offset=13", numbers(14, 15), {
    range: "13-14/*",
  }),
  get("an offset beyond the end", "/items?order=id&offset=20", []),
  get("a limit of none", "/items?limit=0", []),
  get("a limit of none, counted", "/items?limit=0", [], {
    prefer: exact,
    status: 206,
    range: "*/15",
  }),
  get("a limit that is no number counts for nothing", "/buoys?order=id&limit=ten", ids(1, 2)),
  get("Range", "/items?order=id", numbers(1, 2), { headers: { range: "0-1" } }),
  get("Range with a unit", "/items?order=id", numbers(3, 4), {
    headers: { range: "2-3", "range-unit": "items" },
    range: "2-3/*",
  }),
  get("an open Range", "/items?order=id", numbers(11, 15), {
    headers: { range: "10-" },
    range: "10-14/*",
  }),
  get("a Range beyond the end", "/items?order=id", numbers(14, 15), {
    headers: { range: "13-99" },
    range: "13-14/*",
  }),
  get("a Range inside the limit", "/items?order=id&limit=10", numbers(3, 5), {
    headers: { range: "2-4" },
    range: "2-4/*",
  }),
  fails(
    "a limit below zero",
    "GET /items?limit=-1",
    416,
    unsatisfiable("Limit should be greater than or equal to zero."),
  ),
  fails(
    "a Range backwards",
    "GET /items",
    416,
    unsatisfiable(
      "The lower boundary must be lower than or equal to the upper boundary in the Range header.",
    ),
    { headers: { range: "5-2" } },
  ),
  fails(
    "an offset beyond the count",
    "GET /items?offset=20",
    416,
    unsatisfiable("An offset of 20 was requested, but there are only 15 rows."),
    { prefer: exact, answer: { "content-range": "*/15" } },
  ),
  fails(
    "a Range beyond the count",
    "GET /items",
    416,
    unsatisfiable("An offset of 100 was requested, but there are only 15 rows."),
    { prefer: exact, headers: { range: "100-199" }, answer: { "content-range": "*/15" } },
  ),
  // "Exact Count"
  get("all rows, counted", "/buoys?order=id", ids(1, 2), {
    prefer: exact,
    applied: exact,
    range: "0-1/2",
  }),
  get("a part, counted", "/items?order=id&limit=2", numbers(1, 2), {
    prefer: exact,
    status: 206,
    range: "0-1/15",
  }),
  get("the last part, counted", "/items?order=id&offset=13", numbers(14, 15), {
    prefer: exact,
    status: 206,
    range: "13-14/15",
  }),
  get("a Range, counted", "/items?order=id", numbers(1, 2), {
    prefer: exact,
    headers: { range: "0-1" },
    status: 206,
    range: "0-1/15",
  }),
  get("a Range of all, counted", "/items?order=id&select=id", numbers(1, 15), {
    prefer: exact,
    headers: { range: "0-14" },
    range: "0-14/15",
  }),
  get("no rows, counted", "/gated", [], { prefer: exact, range: "*/0" }),
  get("a filter, counted", "/items?id=lt.4&order=id&limit=2", numbers(1, 2), {
    prefer: exact,
    status: 206,
    range: "0-1/3",
  }),
  head("HEAD, counted", "/items?limit=5", { prefer: exact, status: 206, range: "0-4/15" }),
  head("Range does not count with HEAD", "/items", {
    prefer: exact,
    headers: { range: "0-1" },
    range: "0-14/15",
  }),
  get("a view, counted", "/open_ports?select=id&order=id&limit=1", ids(1), {
    prefer: exact,
    status: 206,
    range: "0-0/2",
  }),
  // "Planned Count", "Estimated Count"
  head("planned", "/items", {
    prefer: "count=planned",
    applied: "count=planned",
    range: "0-14/15",
  }),
  head("a part, planned", "/items?limit=5", {
    prefer: "count=planned",
    status: 206,
    range: "0-4/15",
  }),
  head("estimated is exact below the threshold", "/items?limit=5", {
    prefer: "count=estimated",
    applied: "count=estimated",
    status: 206,
    range: "0-4/15",
  }),
  head("a filter, estimated", "/items?id=gt.10", { prefer: "count=estimated", range: "0-4/5" }),
];

/** With `db_max_rows` = 3. */
export const bounded: readonly Row[] = [
  get("at most so many rows", "/items?order=id", numbers(1, 3)),
  get("a smaller limit", "/items?order=id&limit=2", numbers(1, 2)),
  get("a larger limit", "/items?order=id&limit=10", numbers(1, 3)),
  get("a Range", "/items?order=id", numbers(3, 5), { headers: { range: "2-9" }, range: "2-4/*" }),
  get("all are counted", "/items?order=id", numbers(1, 3), {
    prefer: exact,
    status: 206,
    range: "0-2/15",
  }),
  get("of an embedded resource", "/ports?select=id,departures(id)&id=eq.2&departures.order=id", [
    { id: 2, departures: ids(2, 3, 4) },
  ]),
  get("of a function", "/rpc/all_ports?select=id&order=id", ids(1, 2, 3)),
  head("estimated beyond the threshold is planned", "/items", {
    prefer: "count=estimated",
    status: 206,
    range: "0-2/15",
  }),
  post("what was written is answered whole", "/buoys", numbers(11, 15), numbers(11, 15), {
    prefer: "return=representation",
  }),
];
