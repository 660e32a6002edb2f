/** POST, PUT, PATCH and DELETE of rows, against docs.postgrest.org, "Tables and Views" and "Preferences". */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type DataRow, fault, runDataRows } from "./data-rows.ts";
import { type DataWorld, openDataWorld } from "./data-world.ts";

let world: DataWorld;
beforeAll(async () => {
  const config = { require_rls: false, db_tx_end: "rollback-allow-override" } as const;
  // Nothing is kept unless a row asks for it, so that rows do not depend on one another.
  world = await openDataWorld(config, [], "test/data/writing.fixture.sql");
});
afterAll(() => world.close());

const FULL = "return=representation";
const MERGE = "resolution=merge-duplicates";
const OBJECT = "application/vnd.pgrst.object+json";

function post(
  name: string,
  path: string,
  body: unknown,
  want: DataRow["want"],
  more: Partial<DataRow> = {},
): DataRow {
  return { name, method: "POST", path, body, want: { status: 201, ...want }, ...more };
}

const inserting: DataRow[] = [
  post(
    "an insert answers nothing but that it was done",
    "/items",
    { id: 100 },
    { headers: { "content-type": null, "content-range": "*/*", location: null }, body: "" },
  ),
  post(
    "select without a representation is not looked at",
    "/items?select=nope",
    { id: 100 },
    { headers: { "preference-applied": "return=minimal" }, body: "" },
    { prefer: "return=minimal" },
  ),
  post(
    "a representation is shaped, counted and embedded",
    "/projects?select=pId:id::text,name,clients(name)",
    { id: 6, name: "New", client_id: 2 },
    {
      headers: { "content-range": "*/1", "preference-applied": `${FULL}, count=exact` },
      body: [{ pId: "6", name: "New", clients: { name: "Apple" } }],
    },
    { prefer: `${FULL}, count=exact` },
  ),
  post(
    "a planned count is known of nothing that was written",
    "/items",
    { id: 100 },
    { headers: { "content-range": "*/*", "preference-applied": "count=planned" } },
    { prefer: "count=planned" },
  ),
  post(
    "headers alone say where the one new row is",
    "/pairs?select=extra",
    { k1: 12, k2: "Rock & R+ll" },
    {
      headers: {
        location: "/pairs?k1=eq.12&k2=eq.Rock%20%26%20R%2Bll",
        "preference-applied": "return=headers-only",
      },
      body: "",
    },
    { prefer: "return=headers-only" },
  ),
  post(
    "of a partitioned table too",
    "/measures",
    { city: "Bonn", year: 2021 },
    { headers: { location: "/measures?city=eq.Bonn&year=eq.2021" } },
    { prefer: "return=headers-only" },
  ),
  post(
    "of a view that shows the key of its table too",
    "/defaults_view",
    { id: 3 },
    { headers: { location: "/defaults_view?id=eq.3" } },
    { prefer: "return=headers-only" },
  ),
  post(
    "but not of several rows, nor without a key",
    "/items",
    [{ id: 100 }, { id: 101 }],
    { headers: { location: null } },
    { prefer: "return=headers-only" },
  ),
  post(
    "a table without a key takes rows",
    "/no_key",
    { a: "x", b: null },
    { headers: { location: null }, body: [{ a: "x", b: null }] },
    { prefer: FULL },
  ),
  post("an empty list is nothing", "/items", [], { body: [] }, { prefer: FULL }),
  post(
    "and so is a value that holds no objects",
    "/items",
    "null",
    { body: [] },
    {
      prefer: FULL,
      headers: { "content-type": "application/json" },
    },
  ),
  post(
    "an empty object is a row of defaults",
    "/counted?select=evil",
    {},
    {
      body: [{ evil: 666 }],
    },
    { prefer: FULL },
  ),
  post(
    "two empty objects are two",
    "/counted?select=name",
    [{}, {}],
    {
      body: [{ name: null }, { name: null }],
    },
    { prefer: FULL },
  ),
  post(
    "a form is one row of texts",
    "/kinds?select=id,short,big",
    "id=7&short=a+b&big=9007199254740993",
    { body: '[{"id":7,"short":"a b","big":9007199254740993}]' },
    { prefer: FULL, headers: { "content-type": "application/x-www-form-urlencoded" } },
  ),
  post(
    "CSV is rows, and NULL null",
    "/no_key",
    "a,b\nNULL,foo",
    { headers: { "content-type": "text/csv; charset=utf-8" }, body: "a,b\n,foo" },
    { prefer: FULL, accept: "text/csv", headers: { "content-type": "text/csv" } },
  ),
  post(
    "empty lines of CSV are nothing, an empty quoted text is one",
    "/no_key?select=a",
    'a\r\nfoo\r\n\r\n""\r\n\r\n',
    { body: [{ a: "foo" }, { a: "" }] },
    { prefer: FULL, headers: { "content-type": "text/csv" } },
  ),
  post(
    "lines of CSV are as long as the head",
    "/no_key",
    "a,b\nfoo,bar\nbaz",
    { status: 400, body: fault("PGRST102", "All lines must have same number of fields") },
    { headers: { "content-type": "text/csv" } },
  ),
  post(
    "white space around JSON means nothing",
    "/no_key",
    '\t \n \r [{ "a": "x" }, \t \n {"a": "y"}]\t \n ',
    {
      body: [
        { a: "x", b: null },
        { a: "y", b: null },
      ],
    },
    { prefer: FULL, headers: { "content-type": "application/json; charset=utf-8" } },
  ),
  post(
    "numbers keep every digit, JSON its spaces and doubled keys",
    "/kinds?select=big,exact,doc",
    '{"id":8,"big":9007199254740993,"exact":0.12345678901234567890,"doc":{"a": 1,"a":2}}',
    { body: '[{"big":9007199254740993,"exact":0.12345678901234567890,"doc":{"a": 1,"a":2}}]' },
    { prefer: FULL, headers: { "content-type": "application/json" } },
  ),
  post(
    "lists, documents, bits and padded texts are written as they are declared",
    "/kinds?select=fixed,bits,list,bin,place",
    { id: 9, fixed: "abcde", bits: "10101", list: ["x", null, "y"], bin: [1], place: "(1,2)" },
    {
      body: [{ fixed: "abcde", bits: "10101", list: ["x", null, "y"], bin: [1], place: "(1,2)" }],
    },
    { prefer: FULL },
  ),
  post(
    "a list may be a literal of Postgres's",
    "/kinds?select=list",
    { id: 9, list: "{a,b}" },
    {
      body: [{ list: ["a", "b"] }],
    },
    { prefer: FULL },
  ),
  post(
    "a text that is too long is 22001",
    "/kinds",
    { id: 9, short: "abcde" },
    {
      status: 400,
      body: fault("22001", "value too long for type character varying(4)"),
    },
  ),
  post(
    "composites and lists of them are objects and lists",
    "/composed",
    { id: 1, spot: { x: 1, y: "a" }, spots: [{ x: 2 }, { y: "b" }] },
    {
      body: [
        {
          id: 1,
          spot: { x: 1, y: "a" },
          spots: [
            { x: 2, y: null },
            { x: null, y: "b" },
          ],
        },
      ],
    },
    { prefer: FULL },
  ),
  post(
    "other characters arrive",
    "/clients",
    { id: 9, name: "棋圍 ￥" },
    {
      body: [{ id: 9, name: "棋圍 ￥" }],
    },
    { prefer: FULL },
  ),
  post(
    "rows come in the order that was asked for",
    "/items?order=id.desc",
    [{ id: 101 }, { id: 103 }, { id: 102 }],
    {
      body: [
        { id: 103, name: null },
        { id: 102, name: null },
        { id: 101, name: null },
      ],
    },
    { prefer: FULL },
  ),
];

const columns: DataRow[] = [
  post(
    "columns= takes what it names and nothing else",
    "/items?columns=id,name",
    [
      { id: 201, name: "x", smth: 1 },
      { id: 202, other: "%%$&" },
    ],
    {
      body: [
        { id: 201, name: "x" },
        { id: 202, name: null },
      ],
    },
    { prefer: FULL },
  ),
  post("columns= names nothing", "/items?columns=", [{ id: 1 }], {
    status: 400,
    body: fault(
      "PGRST100",
      '"failed to parse columns parameter ()" (line 1, column 1)',
      "unexpected end of input expecting field name (* or [a..z0..9_$])",
    ),
  }),
  post("columns= names what is not there", "/items?columns=helicopter", [{ id: 1 }], {
    status: 400,
    headers: { "proxy-status": "PostgREST; error=PGRST204" },
    body: fault(
      "PGRST204",
      "Could not find the 'helicopter' column of 'items' in the schema cache",
    ),
  }),
  post("a missing table comes before a missing column", "/garlic?columns=helicopter", [{ id: 1 }], {
    status: 404,
  }),
  post("columns= does not make objects of other things", "/items?columns=id", [{ id: 301 }, 333], {
    status: 400,
  }),
  post(
    "missing=default lays defaults under what is missing, not under nulls",
    "/defaults?columns=id,name,a-b,list&select=id,name,a-b,list",
    [
      { id: 4, name: "Four" },
      { id: 5, name: null, list: null },
      { id: 6, "a-b": 6, list: "{1,2,3}" },
    ],
    {
      headers: { "preference-applied": `missing=default, ${FULL}` },
      body: [
        { id: 4, name: "Four", "a-b": 1, list: null },
        { id: 5, name: null, "a-b": 1, list: null },
        { id: 6, name: "Default", "a-b": 6, list: [1, 2, 3] },
      ],
    },
    { prefer: `${FULL}, missing=default` },
  ),
  post(
    "a view's own default comes before its table's",
    "/defaults_view?columns=id,a-b&select=id,a-b",
    { id: 7 },
    { body: [{ id: 7, "a-b": 7 }] },
    { prefer: `${FULL}, missing=default` },
  ),
  post(
    "identities and domains have defaults",
    "/counted?columns=id,name,evil&select=name,evil",
    [{ name: "Lu" }, { name: "Li", evil: 1 }],
    {
      body: [
        { name: "Lu", evil: 666 },
        { name: "Li", evil: 1 },
      ],
    },
    { prefer: `${FULL}, missing=default` },
  ),
  post(
    "missing=null is the default, and said",
    "/defaults?columns=id,name&select=name",
    { id: 8 },
    {
      headers: { "preference-applied": `missing=null, ${FULL}` },
      body: [{ name: null }],
    },
    { prefer: `${FULL}, missing=null` },
  ),
  post(
    "a column that is always generated is refused by Postgres",
    "/generated?columns=a,b",
    [{ a: "val" }, { a: "val", b: "val" }],
    {
      status: 400,
      body: fault(
        "428C9",
        'cannot insert a non-DEFAULT value into column "b"',
        'Column "b" is a generated column.',
      ),
    },
    { prefer: "missing=default" },
  ),
  post(
    "and so is an identity that is always generated",
    "/strict_identity",
    { id: 5 },
    {
      status: 400,
      body: fault(
        "428C9",
        'cannot insert a non-DEFAULT value into column "id"',
        'Column "id" is an identity column defined as GENERATED ALWAYS.',
        "Use OVERRIDING SYSTEM VALUE to override.",
      ),
    },
  ),
  post("objects of one list name the same columns", "/items", [{ id: 1 }, { id: 2, name: "x" }], {
    status: 400,
    body: fault("PGRST102", "All object keys must match"),
  }),
  post(
    "in whatever order",
    "/items",
    [
      { id: 401, name: "a" },
      { name: "b", id: 402 },
    ],
    {
      body: [
        { id: 401, name: "a" },
        { id: 402, name: "b" },
      ],
    },
    { prefer: FULL },
  ),
  {
    name: "an update takes what columns= names",
    method: "PATCH",
    path: "/items?id=eq.1&columns=name",
    prefer: FULL,
    body: { name: "real", smth: 1, id: 99 },
    want: { body: [{ id: 1, name: "real" }] },
  },
  {
    name: "and writes defaults when asked to",
    method: "PATCH",
    path: "/counted?id=eq.77&columns=name,evil",
    prefer: `${FULL}, missing=default`,
    body: { name: "x" },
    want: { headers: { "preference-applied": `missing=default, ${FULL}` }, body: [] },
  },
];

const representations: DataRow[] = [
  post(
    "a domain is read and written by its casts",
    "/paints?select=id,shade",
    { id: 5, name: "green", shade: "#001100" },
    { body: [{ id: 5, shade: "#001100" }] },
    { prefer: FULL },
  ),
  post(
    "also in whole rows",
    "/paints",
    { id: 5, shade: "#0011AA" },
    {
      body: [{ id: 5, name: null, shade: "#0011AA" }],
    },
    { prefer: FULL },
  ),
  post(
    "only as far as columns= goes",
    "/paints?columns=id,name&select=name,shade",
    { id: 5, name: "party", shade: "invalid but ignored" },
    { body: [{ name: "party", shade: null }] },
    { prefer: FULL },
  ),
  post(
    "through a view too",
    "/shades",
    [{ id: 8, shade: "#000102" }],
    {
      body: [{ id: 8, shade: "#000102" }],
    },
    { prefer: FULL },
  ),
  {
    name: "an update reads it, and so do its filters",
    method: "PATCH",
    path: "/paints?shade=eq.%23000000&select=id,shade",
    prefer: FULL,
    body: { shade: "#ABCDEF" },
    want: { body: [{ id: 1, shade: "#ABCDEF" }] },
  },
  {
    name: "PUT reads it",
    method: "PUT",
    path: "/paints?id=eq.1",
    prefer: FULL,
    body: { id: 1, shade: "#010203" },
    want: { body: [{ id: 1, name: "black", shade: "#010203" }] },
  },
];

const upserting: DataRow[] = [
  post(
    "merge-duplicates updates what is there",
    "/languages",
    [
      { name: "Java", rank: 9 },
      { name: "Go", rank: 5 },
    ],
    {
      headers: { "preference-applied": `${MERGE}, ${FULL}` },
      body: [
        { name: "Java", rank: 9 },
        { name: "Go", rank: 5 },
      ],
    },
    { prefer: `${FULL}, ${MERGE}` },
  ),
  post(
    "and is 200 when nothing is new",
    "/languages",
    [{ name: "Java", rank: 9 }],
    { status: 200 },
    {
      prefer: MERGE,
    },
  ),
  post(
    "an empty list is nothing new",
    "/languages",
    [],
    { status: 200, body: [] },
    {
      prefer: `${FULL}, ${MERGE}`,
    },
  ),
  post(
    "ignore-duplicates leaves what is there",
    "/languages",
    [
      { name: "Java", rank: 9 },
      { name: "Go", rank: 5 },
    ],
    {
      body: [{ name: "Go", rank: 5 }],
    },
    { prefer: `${FULL}, resolution=ignore-duplicates` },
  ),
  post(
    "and is 201 though nothing was new",
    "/languages",
    [{ name: "Java", rank: 9 }],
    {
      body: [],
    },
    { prefer: `${FULL}, resolution=ignore-duplicates` },
  ),
  post(
    "on_conflict names another key",
    "/languages?on_conflict=rank",
    { name: "Jawa", rank: 1 },
    {
      status: 200,
      body: [{ name: "Jawa", rank: 1 }],
    },
    { prefer: `${FULL}, ${MERGE}` },
  ),
  post(
    "a table that is all key takes both",
    "/only_key",
    [{ id: 1 }, { id: 4 }],
    {
      body: [{ id: 1 }, { id: 4 }],
    },
    { prefer: `${FULL}, ${MERGE}` },
  ),
  post(
    "without a key nothing is resolved, and not said to be",
    "/no_key",
    { a: "1" },
    {
      headers: { "preference-applied": FULL },
      body: [{ a: "1", b: null }],
    },
    { prefer: `${FULL}, ${MERGE}` },
  ),
  post(
    "a partitioned table merges",
    "/measures",
    { city: "Ulm", year: 2020, value: 3 },
    {
      status: 200,
      body: [{ city: "Ulm", year: 2020, value: 3 }],
    },
    { prefer: `${FULL}, ${MERGE}` },
  ),
  post(
    "a view merges into its table",
    "/project_names",
    { id: 1, name: "W7" },
    {
      status: 200,
      body: [{ id: 1, name: "W7" }],
    },
    { prefer: `${FULL}, ${MERGE}` },
  ),
  post(
    "defaults give new rows their keys",
    "/counted?columns=id,name&select=name",
    [{ name: "new" }],
    {
      headers: { "preference-applied": `${MERGE}, missing=default, ${FULL}` },
      body: [{ name: "new" }],
    },
    { prefer: `${FULL}, ${MERGE}, missing=default` },
  ),
  post(
    "a broken uniqueness without a resolution is 409",
    "/languages",
    { name: "Java", rank: 77 },
    {
      status: 409,
      headers: { "proxy-status": "PostgREST; error=23505" },
      body: fault(
        "23505",
        'duplicate key value violates unique constraint "languages_pkey"',
        "Key (name)=(Java) already exists.",
      ),
    },
  ),
];

const NOT_KEY = {
  status: 405,
  body: fault(
    "PGRST105",
    "Filters must include all and only primary key columns with 'eq' operators",
  ),
};

function put(
  name: string,
  path: string,
  body: unknown,
  want: DataRow["want"],
  prefer = FULL,
): DataRow {
  return { name, method: "PUT", path, body, want, prefer };
}

const replacing: DataRow[] = [
  put("PUT inserts", "/languages?name=eq.Go", [{ name: "Go", rank: 19 }], {
    status: 201,
    headers: { "content-range": null, "preference-applied": FULL },
    body: [{ name: "Go", rank: 19 }],
  }),
  put(
    "PUT replaces",
    "/languages?name=eq.Java",
    { name: "Java", rank: 13 },
    {
      body: [{ name: "Java", rank: 13 }],
    },
  ),
  put(
    "PUT of all columns of a key",
    "/pairs?k1=eq.1&k2=eq.a",
    { k1: 1, k2: "a", extra: 2 },
    {
      status: 201,
      body: [{ k1: 1, k2: "a", extra: 2 }],
    },
  ),
  put(
    "PUT where there is nothing but the key",
    "/only_key?id=eq.1",
    { id: 1 },
    {
      body: [{ id: 1 }],
    },
  ),
  put(
    "PUT without a representation is 204",
    "/languages?name=eq.Go",
    { name: "Go", rank: 19 },
    {
      status: 204,
      headers: { "content-type": null, "preference-applied": "return=minimal" },
      body: "",
    },
    "return=minimal",
  ),
  put(
    "of several rows that count which the filter names",
    "/languages?name=eq.Java",
    [
      { name: "Java", rank: 19 },
      { name: "Swift", rank: 12 },
    ],
    { body: [{ name: "Java", rank: 19 }] },
  ),
  put(
    "another key in the body is refused",
    "/languages?name=eq.MATLAB",
    { name: "Perl", rank: 17 },
    {
      status: 400,
      body: fault("PGRST115", "Payload values do not match URL in primary key column(s)"),
    },
  ),
  put(
    "no key in the body is Postgres's 42703",
    "/languages?name=eq.Go",
    { rank: 17 },
    {
      status: 400,
      body: fault("42703", "column pgrst_body.name does not exist"),
    },
  ),
  put(
    "limit is not for PUT",
    "/languages?name=eq.Go&limit=1",
    { name: "Go" },
    {
      status: 400,
      body: fault("PGRST114", "limit/offset querystring parameters are not allowed for PUT"),
    },
  ),
  put("nor is offset", "/languages?name=eq.Go&offset=1", { name: "Go" }, { status: 400 }),
  put("a filter on another column", "/languages?rank=eq.19", { name: "Go", rank: 19 }, NOT_KEY),
  put("a filter beyond the key", "/languages?name=eq.Go&rank=eq.19", { name: "Go" }, NOT_KEY),
  put("a negated filter", "/languages?name=not.eq.Go", { name: "Go" }, NOT_KEY),
  put("another operator", "/languages?name=in.(Go)", { name: "Go" }, NOT_KEY),
  put("a quantified operator", "/languages?name=eq(any).{Go}", { name: "Go" }, NOT_KEY),
  put("a tree", "/languages?and=(name.eq.Go)", { name: "Go" }, NOT_KEY),
  put("no filter", "/languages", { name: "Go" }, NOT_KEY),
  put("part of a key", "/pairs?k1=eq.1", { k1: 1, k2: "a" }, NOT_KEY),
  put("a table without a key", "/no_key?a=eq.one&b=eq.two", { a: "one", b: "two" }, NOT_KEY),
  {
    ...put(
      "the Range header is not looked at",
      "/languages?name=eq.Java",
      { name: "Java", rank: 5 },
      {
        body: { name: "Java", rank: 5 },
      },
    ),
    accept: OBJECT,
    headers: { range: "1-1" },
  },
];

function patch(
  name: string,
  path: string,
  body: unknown,
  want: DataRow["want"],
  prefer?: string,
): DataRow {
  return { name, method: "PATCH", path, body, want, ...(prefer === undefined ? {} : { prefer }) };
}

const NOTHING = {
  status: 204,
  headers: { "content-range": "*/*", "content-type": null },
  body: "",
};

const updating: DataRow[] = [
  patch(
    "an update tells which rows",
    "/items?id=lt.3",
    { name: "x" },
    {
      status: 204,
      headers: { "content-range": "0-1/*" },
    },
  ),
  patch(
    "and of how many",
    "/items?id=lt.3",
    { name: "x" },
    {
      status: 204,
      headers: { "content-range": "0-1/2", "preference-applied": "count=exact" },
    },
    "count=exact",
  ),
  patch(
    "headers alone are no body",
    "/items?id=lt.3",
    { name: "x" },
    {
      status: 204,
      headers: { "preference-applied": "return=headers-only" },
    },
    "return=headers-only",
  ),
  patch(
    "of no rows",
    "/items?id=eq.99",
    { name: "x" },
    { body: [], headers: { "content-range": "*/*" } },
    FULL,
  ),
  patch("an empty object changes nothing", "/items", {}, NOTHING),
  patch("nor does an empty list", "/items?select=id", [], NOTHING),
  patch("nor one of empty objects", "/items", [{}], NOTHING),
  patch("nor with a representation", "/items?select=id", {}, { body: [] }, FULL),
  patch("no body is refused", "/items", "", {
    status: 400,
    body: fault("PGRST102", "Empty or invalid json"),
  }),
  patch(
    "an unknown column is told",
    "/items?id=eq.1",
    { nope: 1 },
    {
      status: 400,
      body: fault("PGRST204", "Could not find the 'nope' column of 'items' in the schema cache"),
    },
  ),
  patch(
    "a limit limits nothing any more",
    "/items?id=lt.4&limit=1&order=id",
    { name: "x" },
    {
      status: 204,
      headers: { "content-range": "0-2/*" },
    },
  ),
  {
    name: "a delete tells how many when asked",
    method: "DELETE",
    path: "/items?id=lt.3",
    prefer: "count=exact",
    want: { status: 204, headers: { "content-range": "*/2", "content-type": null }, body: "" },
  },
  {
    name: "a delete answers what it took, embedded",
    method: "DELETE",
    path: "/projects?id=eq.3&select=id,clients(name)",
    prefer: FULL,
    body: { ignored: true },
    want: { headers: { "content-range": "*/*" }, body: [{ id: 3, clients: { name: "Apple" } }] },
  },
];

const views: DataRow[] = [
  post(
    "triggers write for a view",
    "/loud_items",
    { id: 16, name: "LOUD" },
    {
      body: [{ id: 16, name: "LOUD" }],
    },
    { prefer: FULL },
  ),
  patch(
    "and update",
    "/loud_items?id=eq.1",
    { name: "ABC" },
    { body: [{ id: 1, name: "ABC" }] },
    FULL,
  ),
  {
    name: "and delete",
    method: "DELETE",
    path: "/loud_items?id=eq.1",
    prefer: FULL,
    want: { body: [{ id: 1, name: "ITEM-1" }] },
  },
  post(
    "a trigger may say where the row is",
    "/stuff",
    { id: 2, name: "s" },
    {
      headers: { location: "/stuff?id=eq.2&overridden=true" },
    },
    { prefer: "return=headers-only" },
  ),
  patch("and what the status is", "/stuff?id=eq.1", { name: "s" }, { status: 205, body: "" }, FULL),
  post("a table that can only be written to takes rows", "/insert_only", { v: "x" }, { body: "" }),
  post(
    "but does not show them",
    "/insert_only",
    { v: "x" },
    {
      status: 401,
      headers: { "www-authenticate": "Bearer" },
      body: fault("42501", "permission denied for table insert_only"),
    },
    { prefer: FULL },
  ),
  post(
    "a representation of what may be read",
    "/limited?select=id,public",
    { id: 1, secret: "s" },
    {
      body: [{ id: 1, public: null }],
    },
    { prefer: FULL },
  ),
  post("and of no more", "/limited", { id: 1 }, { status: 401 }, { prefer: FULL }),
];

const TOO_MANY = (rows: number) => ({
  status: 400,
  body: fault(
    "PGRST124",
    "Query result exceeds max-affected preference constraint",
    `The query affects ${rows} rows`,
  ),
});

const NOT_ONE = (rows: number) => ({
  status: 406,
  headers: { "content-type": "application/json; charset=utf-8" },
  body: fault(
    "PGRST116",
    "Cannot coerce the result to a single JSON object",
    `The result contains ${rows} rows`,
  ),
});

const limiting: DataRow[] = [
  patch(
    "more than max-affected is undone",
    "/items",
    { name: "undone" },
    TOO_MANY(15),
    "tx=commit, handling=strict, max-affected=14",
  ),
  patch(
    "as many are fine",
    "/items?id=lt.3",
    { name: "x" },
    {
      status: 204,
      headers: { "preference-applied": "tx=rollback, handling=strict, max-affected=2" },
    },
    "max-affected=2, handling=strict, tx=rollback",
  ),
  {
    name: "a delete of more is undone",
    method: "DELETE",
    path: "/items",
    prefer: "tx=commit, handling=strict, max-affected=0",
    want: TOO_MANY(15),
  },
  {
    name: "without strict handling it is not looked at",
    method: "DELETE",
    path: "/items?id=lt.3",
    prefer: "handling=lenient, max-affected=0",
    want: { status: 204, headers: { "preference-applied": "handling=lenient" } },
  },
  post(
    "an insert has no limit",
    "/items",
    [{ id: 100 }, { id: 101 }],
    {
      headers: { "preference-applied": "handling=strict" },
    },
    { prefer: "handling=strict, max-affected=1" },
  ),
  post("an object of two new rows is undone", "/items", [{ id: 100 }, { id: 101 }], NOT_ONE(2), {
    prefer: "tx=commit",
    accept: OBJECT,
  }),
  post("whatever is returned", "/items", [{ id: 100 }, { id: 101 }], NOT_ONE(2), {
    prefer: "tx=commit, return=minimal",
    accept: `${OBJECT};nulls=stripped`,
  }),
  post("an object of none is refused", "/items", [], NOT_ONE(0), { accept: OBJECT, prefer: FULL }),
  {
    ...patch("an update of two too", "/items?id=lt.3", { name: "undone" }, NOT_ONE(2), "tx=commit"),
    accept: OBJECT,
  },
  {
    name: "one row is an object",
    method: "DELETE",
    path: "/items?id=eq.11",
    prefer: FULL,
    accept: OBJECT,
    want: {
      headers: { "content-type": `${OBJECT}; charset=utf-8` },
      body: { id: 11, name: "item-11" },
    },
  },
  {
    name: "nothing of all that was kept",
    path: "/items?select=count:id::text&or=(id.gt.15,name.eq.undone)",
    want: { body: [] },
  },
];

const preferring: DataRow[] = [
  {
    name: "strict handling names all that it does not know",
    path: "/items",
    prefer: "handling=strict, something, else, count=none",
    want: {
      status: 400,
      body: fault(
        "PGRST122",
        "Invalid preferences given with handling=strict",
        "Invalid preferences: something, else, count=none",
      ),
    },
  },
  {
    name: "lenient handling says so",
    path: "/items?id=eq.1",
    prefer: "handling=lenient, something",
    want: { headers: { "preference-applied": "handling=lenient" } },
  },
  {
    name: "a time zone is that of the transaction",
    path: "/defaults?select=stamp",
    prefer: "timezone=America/Los_Angeles",
    want: { headers: { "preference-applied": "timezone=America/Los_Angeles" }, body: [] },
  },
  {
    name: "in calls too",
    path: "/rpc/time_zone",
    prefer: "timezone=Europe/Berlin, handling=strict",
    want: {
      headers: { "preference-applied": "handling=strict, timezone=Europe/Berlin" },
      body: '"Europe/Berlin"',
    },
  },
  post(
    "and in writes",
    "/kinds?select=at",
    { id: 70, at: "2023-10-18T12:37:59.611Z" },
    {
      body: [{ at: "2023-10-18T05:37:59.611-07:00" }],
    },
    { prefer: `${FULL}, timezone=America/Los_Angeles` },
  ),
  {
    name: "a time zone that nobody knows is none",
    path: "/rpc/time_zone",
    prefer: "timezone=Jupiter/Red_Spot",
    want: { headers: { "preference-applied": null } },
  },
  {
    name: "and an error under strict handling",
    path: "/rpc/time_zone",
    prefer: "handling=strict, timezone=Jupiter/Red_Spot",
    want: {
      status: 400,
      body: fault(
        "PGRST122",
        "Invalid preferences given with handling=strict",
        "Invalid preferences: timezone=Jupiter/Red_Spot",
      ),
    },
  },
];

describe("an insert", () => runDataRows(inserting, () => world));
describe("columns", () => runDataRows(columns, () => world));
describe("representations of domains", () => runDataRows(representations, () => world));
describe("an upsert", () => runDataRows(upserting, () => world));
describe("PUT", () => runDataRows(replacing, () => world));
describe("updates and deletes", () => runDataRows(updating, () => world));
describe("views, triggers and privileges", () => runDataRows(views, () => world));
describe("limits", () => runDataRows(limiting, () => world));
describe("preferences", () => runDataRows(preferring, () => world));

describe("the end of a transaction", () => {
  const insert = (prefer: string) =>
    world.ask("/items", { method: "POST", headers: { prefer }, body: { id: 900 } });
  const isThere = async () => (await world.ask("/items?id=eq.900&select=id")).json();

  test("is configured, and chosen where that is allowed", async () => {
    expect((await insert("count=exact")).status).toBe(201);
    expect(await isThere()).toEqual([]);
    const kept = await insert("tx=commit");
    expect(kept.headers.get("preference-applied")).toBe("tx=commit");
    expect(await isThere()).toEqual([{ id: 900 }]);
    const remove = { method: "DELETE", headers: { prefer: "tx=commit" } };
    expect((await world.ask("/items?id=eq.900", remove)).status).toBe(204);
    expect(await isThere()).toEqual([]);
  });

  test("looks at deferred constraints though nothing is kept", async () => {
    const double = { method: "POST", body: { id: 2, col: 1 } };
    for (const prefer of ["tx=rollback", "tx=commit"]) {
      const answer = await world.ask("/deferred", { ...double, headers: { prefer } });
      expect([answer.status, await answer.json()]).toEqual([
        409,
        fault(
          "23505",
          'duplicate key value violates unique constraint "deferred_col_key"',
          "Key (col)=(1) already exists.",
        ),
      ]);
    }
  });

  test("is not the client's to choose otherwise", async () => {
    const fixture = "test/data/writing.fixture.sql";
    const strict = await openDataWorld({ require_rls: false }, [], fixture);
    try {
      const headers = { prefer: "tx=rollback, handling=strict" };
      const answer = await strict.ask("/items", { method: "POST", headers, body: { id: 900 } });
      expect([answer.status, answer.headers.get("preference-applied")]).toEqual([
        201,
        "handling=strict",
      ]);
      expect(await (await strict.ask("/items?id=eq.900&select=id")).json()).toEqual([{ id: 900 }]);
    } finally {
      await strict.close();
    }
  });
});
