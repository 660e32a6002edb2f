/** references/api/resource_representation, references/api/media_type_handlers. */
import { expect } from "bun:test";
import { CSV_TYPE, call, fails, fault, get, head, hex, ids, OBJECT, type Row, raw } from "./kit.ts";

const ARRAY = "application/vnd.pgrst.array+json";
const type = (value: string) => ({ answer: { "content-type": value } });
const none = (media: string) =>
  fault({ code: "PGRST107", message: `None of these media types are available: ${media}` });

// "Response Format", "Builtin Media Type Handlers"
const builtin: Row[] = [
  get("JSON", "/buoys?order=id", ids(1, 2), { accept: "application/json" }),
  get("anything is JSON", "/buoys?order=id", ids(1, 2), { accept: "*/*" }),
  get("JSON with a charset", "/buoys?order=id", ids(1, 2), {
    accept: "application/json; charset=utf-8",
  }),
  get("capitals do not matter", "/buoys?order=id", ids(1, 2), { accept: "APPLICATION/JSON" }),
  get("CSV", "/buoys?order=id", "id\n1\n2", {
    accept: "text/csv",
    ...type(CSV_TYPE),
    range: "0-1/*",
  }),
  get(
    "CSV quotes what needs it",
    "/words?select=id,word&id=in.(1,3,4,7)&order=id",
    'id,word\n1,alpha\n3,"a,b"\n4,"say ""hi"""\n7,',
    {
      accept: "text/csv",
      ...type(CSV_TYPE),
      range: "0-3/*",
    },
  ),
  get("CSV of nothing", "/gated", raw("\n"), {
    accept: "text/csv",
    ...type(CSV_TYPE),
    range: "*/*",
  }),
  head("HEAD has the type of GET", "/buoys", {
    accept: "text/csv",
    ...type(CSV_TYPE),
    range: "0-1/*",
  }),
  get("the first that can be had", "/buoys?order=id", ids(1, 2), {
    accept: "unknown/unknown, application/json",
  }),
  get("the one with the best q", "/buoys?order=id", "id\n1\n2", {
    accept: "application/json;q=0.5, text/csv;q=0.9",
    ...type(CSV_TYPE),
    range: "0-1/*",
  }),
  get("a browser's list", "/buoys?order=id", ids(1, 2), {
    accept: "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8",
  }),
  fails("an unknown type", "GET /buoys", 406, none("unknown/unknown"), {
    accept: "unknown/unknown",
  }),
  fails("a range of types but all", "GET /buoys", 406, none("application/*"), {
    accept: "application/*",
  }),
  fails("several unknown types", "GET /buoys", 406, none("a/b, c/d"), { accept: "a/b, c/d" }),
  fails("OpenAPI of a table", "GET /buoys", 406, none("application/openapi+json"), {
    accept: "application/openapi+json",
  }),
  fails(
    "GeoJSON where there is no PostGIS",
    "GET /buoys",
    406,
    expect.objectContaining({
      code: "PGRST107",
    }),
    { accept: "application/geo+json" },
  ),
];

// "Singular or Plural", "Stripped Nulls"
const singular: Row[] = [
  get(
    "one row as an object",
    "/ports?select=id,name&id=eq.1",
    { id: 1, name: "Bergen" },
    {
      accept: OBJECT,
      ...type(`${OBJECT}; charset=utf-8`),
    },
  ),
  get(
    "the short name of it",
    "/buoys?id=eq.1",
    { id: 1 },
    {
      accept: "application/vnd.pgrst.object",
      ...type(`${OBJECT}; charset=utf-8`),
    },
  ),
  fails(
    "no row",
    "GET /buoys?id=eq.99",
    406,
    fault({
      code: "PGRST116",
      message: "Cannot coerce the result to a single JSON object",
      details: "The result contains 0 rows",
    }),
    { accept: OBJECT },
  ),
  fails(
    "two rows",
    "GET /buoys",
    406,
    fault({
      code: "PGRST116",
      message: "Cannot coerce the result to a single JSON object",
      details: "The result contains 2 rows",
    }),
    { accept: OBJECT },
  ),
  get("an array by its vendor name", "/buoys?order=id", ids(1, 2), {
    accept: "application/vnd.pgrst.array",
    ...type("application/json; charset=utf-8"),
  }),
  get(
    "an array without nulls",
    "/ports?select=id,depth_m,opened&id=in.(3,5)&order=id",
    [{ id: 3, depth_m: 12.5, opened: "1892-03-01" }, { id: 5 }],
    {
      accept: `${ARRAY};nulls=stripped`,
      ...type(`${ARRAY};nulls=stripped; charset=utf-8`),
    },
  ),
  get(
    "an object without nulls",
    "/ports?select=id,depth_m,opened&id=eq.5",
    { id: 5 },
    {
      accept: `${OBJECT};nulls=stripped`,
      ...type(`${OBJECT};nulls=stripped; charset=utf-8`),
    },
  ),
  get(
    "nulls inside are stripped too",
    "/ships?select=name,captains(last_name,mentor_id)&id=eq.1",
    [{ name: "Aurora", captains: { last_name: "Vik" } }],
    { accept: `${ARRAY};nulls=stripped`, ...type(`${ARRAY};nulls=stripped; charset=utf-8`) },
  ),
  call(
    "a function without nulls",
    "table_of_captains?select=id,born,mentor_id&id=eq.5",
    {},
    [{ id: 5 }],
    {
      accept: `${ARRAY};nulls=stripped`,
      ...type(`${ARRAY};nulls=stripped; charset=utf-8`),
    },
  ),
];

// "Handler Function"
const functions: Row[] = [
  get("text", "/rpc/welcome", raw("Welcome ashore"), {
    accept: "text/plain",
    ...type("text/plain; charset=utf-8"),
  }),
  get("HTML", "/rpc/page.html", raw("<p>Harbour</p>"), {
    accept: "text/html",
    ...type("text/html"),
  }),
  get("bytes", "/rpc/picture", hex("424d00ff"), { accept: "image/bmp", ...type("image/bmp") }),
  call("bytes with POST", "picture", {}, hex("424d00ff"), {
    accept: "image/bmp",
    ...type("image/bmp"),
  }),
  get("bytes of no row", "/rpc/no_picture", raw(""), { accept: "image/bmp", ...type("image/bmp") }),
  get("chosen among several", "/rpc/picture", hex("424d00ff"), {
    accept: "text/html,application/xml;q=0.9,image/bmp,*/*;q=0.8",
    ...type("image/bmp"),
  }),
  fails("a type that is not the function's", "GET /rpc/picture", 406, none("image/png"), {
    accept: "image/png",
  }),
  fails("a function of text is no handler", "GET /rpc/greet?name=x", 406, none("text/plain"), {
    accept: "text/plain",
  }),
];

// "Handlers for Tables/Views", "Overriding a Builtin Handler"
const tables: Row[] = [
  get("an aggregate over the rows", "/lamps?order=id", raw("1=red\n2=green\n3=white\n"), {
    accept: "text/plain",
    ...type("text/plain; charset=utf-8"),
    range: "0-2/*",
  }),
  get("of the rows of a filter", "/lamps?id=eq.2", raw("2=green\n"), {
    accept: "text/plain",
    ...type("text/plain; charset=utf-8"),
  }),
  get(
    "a function that returns rows of the view",
    "/rpc/all_lamps",
    raw("1=red\n2=green\n3=white\n"),
    {
      accept: "text/plain",
      ...type("text/plain; charset=utf-8"),
      range: "0-2/*",
    },
  ),
  fails("with other columns it is none", "GET /lamps?select=id", 406, none("text/plain"), {
    accept: "text/plain",
  }),
  fails("nor for another table", "GET /buoys", 406, none("text/plain"), { accept: "text/plain" }),
  get("CSV in its own form", "/lamps?order=id", raw("lamp;colour\n1;red\n2;green\n3;white\n"), {
    accept: "text/csv",
    answer: {
      "content-type": CSV_TYPE,
      "content-disposition": 'attachment; filename="lamps.csv"',
    },
    range: "0-2/*",
  }),
  get("a handler for any table", "/buoys?order=id", raw("id\n1\n2\n"), {
    accept: "text/tab-separated-values",
    ...type("text/tab-separated-values"),
    range: "0-1/*",
  }),
  get(
    "a handler for any table, with chosen columns",
    "/ships?select=name,kind&id=eq.1",
    raw("name\tkind\nAurora\tschooner\n"),
    {
      accept: "text/tab-separated-values",
      ...type("text/tab-separated-values"),
    },
  ),
  get(
    "a handler for any table, on a function",
    "/rpc/ports_of?code=PT&select=id,name",
    raw("id\tname\n2\tLisbon\n3\tPorto\n"),
    {
      accept: "text/tab-separated-values",
      ...type("text/tab-separated-values"),
      range: "0-1/*",
    },
  ),
  get("JSON is not touched by it", "/lamps?id=eq.1&select=id", ids(1)),
];

// "The \"Any\" Handler"
const any: Row[] = [
  get("of a function, without a wish", "/rpc/anything", raw("raw"), {
    accept: "*/*",
    ...type("application/octet-stream"),
  }),
  get("of a function, with any wish", "/rpc/anything", raw("raw"), {
    accept: "app/whatever",
    ...type("application/octet-stream"),
  }),
  get("with a type of its choice", "/rpc/some_media", raw("one"), {
    accept: "app/one",
    ...type("app/one"),
  }),
  fails(
    "that refuses",
    "GET /rpc/some_media",
    406,
    fault({
      code: "PT406",
      message: "Not Acceptable",
    }),
    { accept: "app/two" },
  ),
  get("of a view", "/buoys.txt?order=id", raw("1\n2\n"), {
    accept: "*/*",
    ...type("text/plain"),
    range: "0-1/*",
  }),
  get("of a view, with any wish", "/buoys.txt?id=eq.2", raw("2\n"), {
    accept: "x/y",
    ...type("text/plain"),
  }),
];

export const rows: readonly Row[] = [
  ...builtin,
  ...singular,
  ...prefixed("a function's media type: ", functions),
  ...prefixed("a table's media type: ", tables),
  ...prefixed("any media type: ", any),
];

function prefixed(prefix: string, group: readonly Row[]): Row[] {
  return group.map((row) => ({ ...row, name: `${prefix}${row.name}` }));
}
