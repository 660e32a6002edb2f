/** references/api/schemas. */
import { expect } from "bun:test";
import { call, del, fails, fault, get, head, ids, patch, post, type Row } from "./kit.ts";

const ARCHIVE = { "accept-profile": "archive" };
const TO_ARCHIVE = { "content-profile": "archive" };
const archived = { headers: ARCHIVE, answer: { "content-profile": "archive" } };
const nowhere = fault({
  code: "PGRST106",
  message: "Invalid schema: nowhere",
  hint: "Only the following schemas are exposed: api, archive",
});
const FULL = { prefer: "return=representation" };

export const rows: readonly Row[] = [
  // "GET/HEAD"
  get("the first schema is the default", "/buoys?order=id", ids(1, 2), {
    answer: { "content-profile": "api" },
  }),
  get("the default by its name", "/buoys?order=id", ids(1, 2), {
    headers: { "accept-profile": "api" },
    answer: { "content-profile": "api" },
  }),
  get(
    "another schema",
    "/ships?order=id",
    [
      { id: 1, name: "Zephyr", lost_in: 1801 },
      { id: 2, name: "Yara", lost_in: 1899 },
    ],
    archived,
  ),
  head("HEAD of another schema", "/ships", {
    headers: ARCHIVE,
    answer: { "content-profile": "archive" },
    range: "0-1/*",
  }),
  get(
    "related rows of another schema",
    "/wrecks?select=depth_m,ships(name)&id=eq.1",
    [{ depth_m: 40, ships: { name: "Zephyr" } }],
    archived,
  ),
  get("a function of another schema", "/rpc/greet?name=Ann", "Farewell, Ann", archived),
  get(
    "rows of a function of another schema",
    "/rpc/lost?select=name&order=id",
    [{ name: "Zephyr" }, { name: "Yara" }],
    archived,
  ),
  get("Content-Profile does not choose what is read", "/buoys?order=id", ids(1, 2), {
    headers: TO_ARCHIVE,
    answer: { "content-profile": "api" },
  }),
  fails(
    "a relationship does not lead out of the schema",
    "GET /wrecks?select=id,ports(name)",
    400,
    expect.objectContaining({
      code: "PGRST200",
      details:
        "Searched for a foreign key relationship between 'wrecks' and 'ports' in the schema 'archive', but no matches were found.",
    }),
    { headers: ARCHIVE },
  ),
  fails(
    "a table of the other schema is not found",
    "GET /wrecks",
    404,
    expect.objectContaining({
      code: "PGRST205",
      message: "Could not find the table 'api.wrecks' in the schema cache",
    }),
  ),
  fails(
    "nor the other way",
    "GET /voyages",
    404,
    expect.objectContaining({
      code: "PGRST205",
      message: "Could not find the table 'archive.voyages' in the schema cache",
    }),
    { headers: ARCHIVE },
  ),
  fails(
    "a function of the other schema is not found",
    "GET /rpc/lost",
    404,
    expect.objectContaining({
      code: "PGRST202",
      message: "Could not find the function api.lost without parameters in the schema cache",
    }),
  ),
  fails("an unknown schema", "GET /buoys", 406, nowhere, {
    headers: { "accept-profile": "nowhere" },
  }),
  fails(
    "a schema that is there but not exposed",
    "GET /seeds",
    406,
    fault({
      code: "PGRST106",
      message: "Invalid schema: private",
      hint: "Only the following schemas are exposed: api, archive",
    }),
    { headers: { "accept-profile": "private" } },
  ),
  // "Other methods"
  post(
    "into another schema",
    "/ships",
    { id: 3, name: "Xenia" },
    [{ id: 3, name: "Xenia", lost_in: null }],
    { ...FULL, headers: TO_ARCHIVE, answer: { "content-profile": "archive" } },
  ),
  post("a place in another schema", "/ships", { id: 3, name: "Xenia" }, undefined, {
    prefer: "return=headers-only",
    headers: TO_ARCHIVE,
    answer: { location: "/ships?id=eq.3", "content-profile": null },
  }),
  patch(
    "an update in another schema",
    "/ships?id=eq.1&select=name",
    { name: "Z" },
    [{ name: "Z" }],
    {
      ...FULL,
      headers: TO_ARCHIVE,
      answer: { "content-profile": "archive" },
    },
  ),
  del("a deletion in another schema", "/wrecks?id=eq.2&select=id", ids(2), {
    ...FULL,
    headers: TO_ARCHIVE,
    answer: { "content-profile": "archive" },
  }),
  call("a call in another schema", "greet", { name: "Ann" }, "Farewell, Ann", {
    headers: TO_ARCHIVE,
    answer: { "content-profile": "archive" },
  }),
  call("Accept-Profile does not choose what is called", "greet", { name: "Ann" }, "Ahoy, Ann", {
    headers: ARCHIVE,
    answer: { "content-profile": "api" },
  }),
  fails("a write to an unknown schema", "POST /buoys", 406, nowhere, {
    sent: { id: 9 },
    headers: { "content-profile": "nowhere" },
  }),
  fails("a call in an unknown schema", "POST /rpc/greet", 406, nowhere, {
    sent: { name: "x" },
    headers: { "content-profile": "nowhere" },
  }),
];

/** Where only `api` is exposed. */
export const alone: readonly Row[] = [
  get("the only schema is not named", "/buoys?order=id", ids(1, 2), {
    answer: { "content-profile": null },
  }),
  fails(
    "another schema is not there",
    "GET /ships",
    406,
    fault({
      code: "PGRST106",
      message: "Invalid schema: archive",
      hint: "Only the following schemas are exposed: api",
    }),
    { headers: ARCHIVE },
  ),
];
