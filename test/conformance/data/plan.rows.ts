/** references/observability, "Execution plan". With and without `db_plan_enabled`. */
import { expect } from "bun:test";
import { call, fails, fault, get, head, post, type Row } from "./kit.ts";

const PLAN = "application/vnd.pgrst.plan";
const answer = (form: string, parameters: string) => ({
  "content-type": `${PLAN}+${form}; ${parameters}; charset=utf-8`,
  "content-range": null,
});
const FOR_JSON = 'for="application/json"';
const aPlan = [
  expect.objectContaining({ Plan: expect.objectContaining({ "Total Cost": expect.any(Number) }) }),
];
const json = { accept: `${PLAN}+json`, answer: answer("json", FOR_JSON) };

/** Without `db_plan_enabled`. */
export const disabled: readonly Row[] = [
  fails(
    "a plan is not to be had",
    "GET /ports",
    406,
    fault({
      code: "PGRST107",
      message:
        'None of these media types are available: application/vnd.pgrst.plan+json; for="application/json"',
    }),
    { accept: `${PLAN}+json` },
  ),
];

/** With `db_plan_enabled`. */
export const rows: readonly Row[] = [
  get("of a table", "/ports?id=in.(1,2)", aPlan, json),
  get("of a view", "/open_ports?id=gt.1", aPlan, json),
  get("of an embedding", "/ports?select=id,ships(name)", aPlan, json),
  get("of a function", "/rpc/all_ports?id=eq.1", aPlan, json),
  call("of a call", "add", { a: 1, b: 2 }, aPlan, json),
  get("as text", "/ports?id=eq.1", expect.stringMatching(/^Aggregate/), {
    accept: `${PLAN}+text`,
    answer: answer("text", FOR_JSON),
  }),
  get("as text by default", "/ports?id=eq.1", expect.stringMatching(/^Aggregate/), {
    accept: PLAN,
    answer: answer("text", FOR_JSON),
  }),
  get(
    "with buffers",
    "/ports",
    [
      expect.objectContaining({
        Plan: expect.objectContaining({ "Shared Hit Blocks": expect.any(Number) }),
      }),
    ],
    {
      accept: `${PLAN}+json; options=buffers`,
      answer: answer("json", `${FOR_JSON}; options=buffers`),
    },
  ),
  get(
    "with what really happened",
    "/ports",
    [expect.objectContaining({ "Execution Time": expect.any(Number) })],
    {
      accept: `${PLAN}+json; options=analyze`,
      answer: answer("json", `${FOR_JSON}; options=analyze`),
    },
  ),
  get(
    "with several options",
    "/ports",
    [expect.objectContaining({ Plan: expect.objectContaining({ "WAL Records": 0 }) })],
    {
      accept: `${PLAN}+json; options=analyze|wal`,
      answer: answer("json", `${FOR_JSON}; options=analyze|wal`),
    },
  ),
  get(
    "with columns",
    "/ports",
    [expect.objectContaining({ Plan: expect.objectContaining({ Output: expect.any(Array) }) })],
    {
      accept: `${PLAN}+json; options=verbose`,
      answer: answer("json", `${FOR_JSON}; options=verbose`),
    },
  ),
  get(
    "with settings",
    "/ports",
    [
      expect.objectContaining({
        Settings: expect.objectContaining({ search_path: expect.stringContaining("api") }),
      }),
    ],
    {
      accept: `${PLAN}+json; options=settings`,
      answer: answer("json", `${FOR_JSON}; options=settings`),
    },
  ),
  get("for another media type", "/ports?id=eq.1", aPlan, {
    accept: `${PLAN}+json; for="application/vnd.pgrst.object"`,
    answer: answer("json", 'for="application/vnd.pgrst.object+json"'),
  }),
  get("for CSV", "/ports", aPlan, {
    accept: `${PLAN}+json; for="text/csv"`,
    answer: answer("json", 'for="text/csv"'),
  }),
  head("HEAD", "/ports", json),
  post("of an insert, which is not done", "/buoys", { id: 9 }, aPlan, {
    ...json,
    status: 200,
    after: get("nothing was written", "/buoys?select=id&id=eq.9", []),
  }),
];
