/** `/rpc/{function}`, against docs.postgrest.org, "Functions as RPC", "Transactions" and "Errors". */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type DataRow, fault, runDataRows } from "./data-rows.ts";
import { type DataWorld, openDataWorld } from "./data-world.ts";

let world: DataWorld;
beforeAll(async () => {
  const config = { require_rls: false, db_tx_end: "rollback-allow-override" } as const;
  world = await openDataWorld(config, [], "test/data/writing.fixture.sql");
});
afterAll(() => world.close());

const JSON_TYPE = "application/json; charset=utf-8";
const OBJECT = "application/vnd.pgrst.object+json";

function get(name: string, path: string, body: unknown, more: Partial<DataRow> = {}): DataRow {
  return { name, path: `/rpc${path}`, want: { body }, ...more };
}

function post(
  name: string,
  path: string,
  body: unknown,
  want: DataRow["want"],
  more: Partial<DataRow> = {},
): DataRow {
  return { name, method: "POST", path: `/rpc${path}`, body, want, ...more };
}

const FORM = { "content-type": "application/x-www-form-urlencoded" };
const raw = (type: string) => ({ headers: { "content-type": type } });

const passing: DataRow[] = [
  post("members of an object are arguments", "/add_them", { a: 1, b: 2 }, { body: 3 }),
  post(
    "of a list the first object counts",
    "/add_them",
    [
      { a: 1, b: 2 },
      { a: 4, b: 6 },
    ],
    { body: 3 },
  ),
  post("objects of a list are alike", "/add_them", [{ a: 1, b: 2 }, { a: 4 }], {
    status: 400,
    body: fault("PGRST102", "All object keys must match"),
  }),
  post("fields of a form are arguments", "/add_them", "a=1&b=2", { body: 3 }, { headers: FORM }),
  post("lines of CSV are arguments", "/add_them", "a,b\n1,2\n3,4", { body: 3 }, raw("text/csv")),
  post(
    "columns= names the arguments",
    "/say_hello?columns=name",
    { name: "John", smth: 1 },
    {
      body: '"Hello, John"',
    },
  ),
  post("no body is no arguments", "/no_arguments", "", { body: '"nothing needed"' }),
  post("what is no JSON is refused", "/say_hello", "sdfsdf", {
    status: 400,
    body: fault("PGRST102", "Empty or invalid json"),
  }),
  post(
    "arguments of the query are not for POST",
    "/say_hello?name=John",
    { name: "John" },
    {
      status: 400,
      body: fault(
        "PGRST100",
        '"failed to parse filter (John)" (line 1, column 1)',
        'unexpected "J" expecting "not" or operator (eq, gt, ...)',
      ),
    },
  ),
  get("GET takes them from the query", "/add_them?a=1&b=2", 3),
  get(
    "the last of a repeated argument counts",
    "/say_hello?name=ignored&name=world",
    '"Hello, world"',
  ),
  get("defaults fill in", "/three_defaults?b=4", 8),
  get("a variadic parameter is repeated", "/variadic_words?v=hi&v=there", ["hi", "there"]),
  get("once", "/variadic_words?v=hi", ["hi"]),
  get("or never", "/variadic_words", []),
  get("quotes and commas are not its separators", "/variadic_words?v=%22a%22&v=b,c", [
    '"a"',
    "b,c",
  ]),
  get("beside others", "/greet_all?name=ignored&name=world&v=unused", '"Hello, world"'),
  post(
    "a variadic parameter takes a list",
    "/variadic_words",
    { v: ["hi", "there"] },
    { body: ["hi", "there"] },
  ),
  post(
    "or is repeated in a form",
    "/variadic_words",
    "v=hi&v=there",
    { body: ["hi", "there"] },
    { headers: FORM },
  ),
  post("a form may be empty", "/variadic_words", "", { body: [] }, { headers: FORM }),
  get("names keep their case", "/quotedFunction?user=m&fullName=M%20S", {
    user: "m",
    fullName: "M S",
  }),
  post(
    "arguments of every type",
    "/varied",
    {
      ...{ double: 3.1, varchar: "hello", boolean: true, date: "20190101", money: 0 },
      ...{ arr: ["a", "b"], integer: 43, json: { k: "v" }, jsonb: { k: [1, "3"] } },
    },
    {
      body: {
        ...{ double: 3.1, varchar: "hello", boolean: true, date: "2019-01-01", money: "$0.00" },
        ...{ arr: ["a", "b"], integer: 43, json: { k: "v" }, jsonb: { k: [1, "3"] } },
      },
    },
  ),
  get(
    "and from the query",
    "/varied?double=3.1&varchar=hello&boolean=true&date=20190101&money=0&arr=%7Ba,b%7D&integer=43",
    {
      ...{ double: 3.1, varchar: "hello", boolean: true, date: "2019-01-01", money: "$0.00" },
      ...{ arr: ["a", "b"], integer: 43, json: {}, jsonb: {} },
    },
  ),
  get(
    "parameters have no length",
    "/long_values?c=abcdefg&cs={abc,abcdefg}&b=101010&bs={101,101010}",
    [{ c: "abcdefg", cs: ["abc", "abcdefg"], b: "101010", bs: ["101", "101010"] }],
  ),
  post(
    "also in JSON",
    "/long_values",
    { c: "abcdefg", cs: ["abcdefg"], b: "101010", bs: ["101010"] },
    { body: [{ c: "abcdefg", cs: ["abcdefg"], b: "101010", bs: ["101010"] }] },
  ),
  post("JSON in JSON is JSON", "/kind_of_json", { arg: { k: 3 } }, { body: '"object"' }),
  post("a text in JSON is a text", "/kind_of_json", { arg: '{"k":3}' }, { body: '"string"' }),
];

const choosing: DataRow[] = [
  get("no arguments", "/overloaded", [1, 2]),
  get("two", "/overloaded?a=1&b=2", 3),
  get("three", "/overloaded?a=1&b=2&c=3", '"123"'),
  post("two of a form", "/overloaded", "a=1&b=2", { body: 3 }, { headers: FORM }),
  {
    ...get(
      "same names of other types are ambiguous",
      "/same_names?arg=value",
      fault(
        "PGRST203",
        "Could not choose the best candidate function between: public.same_names(arg => integer), public.same_names(arg => xml), public.same_names(arg => text, num => integer)",
        null,
        "Try renaming the parameters or the function itself in the database so function overloading can be resolved",
      ),
    ),
    want: {
      status: 300,
      headers: { "content-type": JSON_TYPE, "proxy-status": "PostgREST; error=PGRST203" },
    },
  },
  {
    name: "an unknown function, with the nearest",
    path: "/rpc/say_hell",
    want: {
      status: 404,
      body: fault(
        "PGRST202",
        "Could not find the function public.say_hell without parameters in the schema cache",
        "Searched for the function public.say_hell without parameters, but no matches were found in the schema cache.",
        "Perhaps you meant to call the function public.say_hello",
      ),
    },
  },
  {
    name: "unknown arguments, in alphabetical order, with the nearest",
    path: "/rpc/add_them?smthelse=x&b=2&a=1",
    want: {
      status: 404,
      body: fault(
        "PGRST202",
        "Could not find the function public.add_them(a, b, smthelse) in the schema cache",
        "Searched for the function public.add_them with parameters a, b, smthelse, but no matches were found in the schema cache.",
        "Perhaps you meant to call the function public.add_them(a, b)",
      ),
    },
  },
  post(
    "an empty name is no unnamed parameter",
    "/with_body?select=*",
    { "": 1 },
    { body: { "": 1 } },
  ),
  post(
    "JSON for nobody",
    "/three_defaults",
    { x: 1, y: 2 },
    {
      status: 404,
      body: fault(
        "PGRST202",
        "Could not find the function public.three_defaults(x, y) in the schema cache",
        "Searched for the function public.three_defaults with parameters x, y or with a single unnamed json/jsonb parameter, but no matches were found in the schema cache.",
        "Perhaps you meant to call the function public.three_defaults(a, b, c)",
      ),
    },
  ),
  ...(
    [
      ["text/plain", "text"],
      ["text/xml", "xml"],
      ["application/octet-stream", "bytea"],
    ] as const
  ).map(([type, name]) =>
    post(
      `${type} for nobody`,
      "/add_them",
      "a simple text",
      {
        status: 404,
        body: fault(
          "PGRST202",
          "Could not find the function public.add_them in the schema cache",
          `Searched for the function public.add_them with a single unnamed ${name} parameter, but no matches were found in the schema cache.`,
        ),
      },
      raw(type),
    ),
  ),
  post(
    "a type of body that no function takes",
    "/by_kind",
    "x",
    {
      status: 400,
      body: fault("PGRST102", "Content-Type not acceptable: image/png"),
    },
    raw("image/png"),
  ),
  post(
    "one unnamed parameter takes JSON whole",
    "/with_body",
    '{"A": 1, "B":9007199254740993}',
    {
      body: '{"A": 1, "B":9007199254740993}',
    },
    raw("application/json"),
  ),
  post("jsonb too, and lists of anything", "/with_jsonb", [1, "x", null], { body: [1, "x", null] }),
  post("named parameters come first", "/by_kind", { x: 1, y: 2 }, { body: 3 }),
  post("then the body whole", "/by_kind", { A: 1 }, { body: { A: 1 } }),
  post("no members are no arguments", "/by_kind", {}, { body: 1 }),
  post(
    "a text whole",
    "/by_kind",
    "unnamed text",
    {
      headers: { "content-type": "text/plain; charset=utf-8" },
      body: "unnamed text",
    },
    { headers: { "content-type": "text/plain", accept: "text/plain" } },
  ),
  post(
    "XML whole",
    "/by_kind",
    "<note><to>Jane</to></note>",
    {
      headers: { "content-type": "text/xml; charset=utf-8" },
      body: "<note><to>Jane</to></note>",
    },
    { headers: { "content-type": "text/xml", accept: "text/xml" } },
  ),
  post(
    "CSV is never taken whole",
    "/by_kind",
    "a,b\n1,2",
    {
      status: 404,
      body: fault(
        "PGRST202",
        "Could not find the function public.by_kind(a, b) in the schema cache",
        "Searched for the function public.by_kind with parameters a, b, but no matches were found in the schema cache.",
        "Perhaps you meant to call the function public.by_kind(x, y)",
      ),
    },
    raw("text/csv"),
  ),
  post(
    "json and jsonb are ambiguous",
    "/either_json",
    { A: 1 },
    {
      status: 300,
      body: fault(
        "PGRST203",
        "Could not choose the best candidate function between: public.either_json( => json), public.either_json( => jsonb)",
        null,
        "Try renaming the parameters or the function itself in the database so function overloading can be resolved",
      ),
    },
  ),
  {
    ...get("what a GET says of a body is not looked at", "/by_kind", 1),
    headers: { "content-type": "text/plain" },
  },
  {
    name: "other methods are not for functions",
    method: "DELETE",
    path: "/rpc/add_them",
    want: {
      status: 405,
      body: fault("PGRST101", "Cannot use the DELETE method on RPC"),
    },
  },
];

const returning: DataRow[] = [
  {
    ...get("a value", "/add_them?a=3&b=4", 7),
    prefer: "count=exact",
    want: {
      headers: {
        "content-type": JSON_TYPE,
        "content-range": "0-0/1",
        "preference-applied": "count=exact",
      },
      body: 7,
    },
  },
  get("null", "/some_null", null),
  get("a list", "/some_array", [1, 2, 3]),
  get("a domain", "/some_domain?val=8", 8),
  get("a range", "/some_range?low=10&up=20", '"[10,20)"'),
  get("a composite", "/some_spot", { x: 10, y: "five" }),
  {
    ...get("a composite as CSV", "/some_spot", "x,y\n10,five"),
    accept: "text/csv",
  },
  get("a table", "/some_table", [
    { a: "x", b: 1 },
    { a: "y", b: 2 },
  ]),
  get("a table of one column", "/one_column", [{ a: "A" }]),
  get("one OUT parameter", "/one_out?num=5", { plus_one: 6 }),
  get("one INOUT parameter", "/one_inout?num=2", { num: 3 }),
  get("several", "/many_out", { my_json: { a: 1 }, num: 3, str: "four" }),
  get("a record", "/any_record", { id: 1, name: "Windows 7", client_id: 1, budget: null }),
  get("records", "/any_records", [
    { id: 1, name: "Windows 7", client_id: 1, budget: null },
    { id: 2, name: "Windows 10", client_id: 1, budget: 1.5 },
  ]),
  get("values", "/set_of_integers", [1, 2, 3]),
  {
    ...get("values are cut and counted", "/set_of_integers?limit=1&offset=1", [2]),
    prefer: "count=exact",
    want: {
      status: 206,
      headers: { "content-range": "1-1/3" },
      body: [2],
    },
  },
  get(
    "and filtered by what they are called",
    "/set_of_integers?pgrst_scalar=gt.1&order=pgrst_scalar.desc",
    [3, 2],
  ),
  { ...get("values as CSV", "/set_of_integers", "pgrst_scalar\n1\n2\n3"), accept: "text/csv" },
  {
    ...get("columns of a table as CSV", "/some_table?select=b,a", "b,a\n1,x\n2,y"),
    accept: "text/csv",
  },
  { ...get("all columns of a table as CSV", "/some_table", "a,b\nx,1\ny,2"), accept: "text/csv" },
  { ...get("a value as an object is the value", "/add_them?a=3&b=4", 7), accept: OBJECT },
  get("one row of a table", "/one_project?id=1&select=name", { name: "Windows 7" }),
  get("no row of a table", "/one_project?id=99&id=not.is.null", null),
  post("void that is stable is called too", "/refuse_stably", {}, { status: 400 }),
  {
    ...get("also by HEAD", "/refuse_stably", undefined),
    method: "HEAD",
    want: { status: 400 },
  },
  post(
    "void",
    "/do_nothing",
    {},
    {
      status: 204,
      headers: { "content-type": null, "content-range": "0-0/*" },
      body: "",
    },
  ),
  get(
    "rows, filtered beside an argument of the same name",
    "/projects_below?id=3&id=gt.1&select=id",
    [{ id: 2 }],
  ),
  get("negated and listed", "/projects_below?id=9&id=not.in.(1,3)&select=id", [{ id: 2 }]),
  get("in a tree", "/get_projects?or=(id.eq.1,name.eq.IOS)&select=id", [{ id: 1 }, { id: 3 }]),
  get("by a column that was not selected", "/some_table?select=a&b=eq.2", [{ a: "y" }]),
  get("embedded", "/get_projects?select=id,clients(name)&id=eq.3", [
    { id: 3, clients: { name: "Apple" } },
  ]),
  {
    ...get(
      "counted as they are filtered",
      "/get_projects?select=id,clients!inner(id)&clients.id=eq.1&limit=1",
      [{ id: 1, clients: { id: 1 } }],
    ),
    prefer: "count=exact",
    want: {
      status: 206,
      headers: { "content-range": "0-0/2" },
    },
  },
  {
    ...get("not counted by a plan", "/get_projects", undefined),
    prefer: "count=planned",
    want: {
      headers: { "content-range": "0-2/*", "preference-applied": "count=planned" },
    },
  },
  {
    name: "beyond the end",
    path: "/rpc/get_projects?offset=9",
    prefer: "count=exact",
    want: {
      status: 416,
      headers: { "content-range": "*/3" },
      body: fault(
        "PGRST103",
        "Requested range not satisfiable",
        "An offset of 9 was requested, but there are only 3 rows.",
      ),
    },
  },
  {
    name: "HEAD counts",
    method: "HEAD",
    path: "/rpc/get_projects?id=gt.1",
    prefer: "count=exact",
    want: {
      headers: { "content-type": JSON_TYPE, "content-range": "0-1/2" },
      body: "",
    },
  },
  {
    ...get("Range is for GET", "/get_projects?select=id", [{ id: 2 }]),
    headers: { range: "1-1" },
    want: {
      headers: { "content-range": "1-1/*" },
    },
  },
  post(
    "and not for POST",
    "/get_projects?select=id&limit=2",
    {},
    {
      headers: { "content-range": "0-1/*" },
      body: [{ id: 1 }, { id: 2 }],
    },
    { headers: { range: "1-1" } },
  ),
];

const NOT_SET = {
  status: 400,
  body: fault(
    "PGRST128",
    "Function must return SETOF or TABLE when max-affected preference is used with handling=strict",
  ),
};

const limiting: DataRow[] = [
  {
    ...get("GET cannot write", "/rename_items?upto=1", undefined),
    want: {
      status: 405,
      body: fault("25006", "cannot execute UPDATE in a read-only transaction"),
    },
  },
  {
    ...get("not even a sequence", "/count_calls", undefined),
    want: {
      status: 405,
      body: fault("25006", "cannot execute nextval() in a read-only transaction"),
    },
  },
  post(
    "more rows than max-affected are undone",
    "/rename_items",
    { upto: 15 },
    {
      status: 400,
      body: fault(
        "PGRST124",
        "Query result exceeds max-affected preference constraint",
        "The query affects 15 rows",
      ),
    },
    { prefer: "tx=commit, handling=strict, max-affected=14" },
  ),
  post(
    "as many are fine",
    "/rename_items?select=id",
    { upto: 2 },
    {
      headers: { "preference-applied": "handling=strict, max-affected=2" },
      body: [{ id: 1 }, { id: 2 }],
    },
    { prefer: "handling=strict, max-affected=2" },
  ),
  post("max-affected is for sets", "/rename_quietly", {}, NOT_SET, {
    prefer: "tx=commit, handling=strict, max-affected=20",
  }),
  post(
    "unless nobody is strict",
    "/rename_quietly",
    {},
    { status: 204 },
    { prefer: "max-affected=20" },
  ),
  post(
    "an object of several rows is undone",
    "/rename_items",
    { upto: 2 },
    {
      status: 406,
      body: fault(
        "PGRST116",
        "Cannot coerce the result to a single JSON object",
        "The result contains 2 rows",
      ),
    },
    { prefer: "tx=commit", accept: OBJECT },
  ),
  { name: "nothing of that was kept", path: "/items?name=in.(renamed,quiet)", want: { body: [] } },
];

/** As whoever receives a header reads its bytes. */
const AS_BYTES = (text: string) => Buffer.from(text).toString("latin1");
const MALFORMED_HEADERS = {
  status: 500,
  headers: { "content-type": JSON_TYPE },
  body: fault(
    "PGRST111",
    "response.headers guc must be a JSON array composed of objects with a single key and a string value",
  ),
};

const answering: DataRow[] = [
  ...['{"X": "y"}', '["X"]', '[{"X": "y", "Z": "a"}]', '[{"X": 1}]', "nonsense"].map((value) =>
    post(`headers that are ${value} are refused`, "/bad_headers", { value }, MALFORMED_HEADERS),
  ),
  post(
    "headers that cannot be sent are refused",
    "/bad_headers",
    { value: '[{"X": "a\\nb"}]' },
    MALFORMED_HEADERS,
  ),
  post(
    "headers beyond ASCII go as UTF-8",
    "/bad_headers",
    { value: '[{"X-Price": "5 €"}]' },
    { status: 204, headers: { "x-price": AS_BYTES("5 €") } },
  ),
  post("a status", "/set_status", { value: "418" }, { status: 418, body: { told: true } }),
  post("a status without a body", "/set_status", { value: "304" }, { status: 304, body: "" }),
  ...["bad", "99", "600", "20x"].map((value) =>
    post(
      `a status that is ${value} is refused`,
      "/set_status",
      { value },
      {
        status: 500,
        body: fault("PGRST112", "response.status guc must be a valid status code"),
      },
    ),
  ),
];

const raise = (code: string, message: string, more: object = {}) => ({ code, message, ...more });
const UNREADABLE = "Could not parse JSON in the \"RAISE SQLSTATE 'PGRST'\" error";
const MESSAGE_HINT =
  "MESSAGE must be a JSON object with obligatory keys: 'code', 'message' and optional keys: 'details', 'hint'.";
const DETAIL_HINT =
  "DETAIL must be a JSON object with obligatory keys: 'status', 'headers' and optional key: 'status_text'.";
const OWN = '{"code":"123","message":"ABC","details":"DEF","hint":"XYZ"}';

const raising: DataRow[] = [
  post(
    "a status of one's own",
    "/raise_it",
    raise("PT402", "Payment Required", { detail: "Quota exceeded", hint: "Upgrade your plan" }),
    {
      status: 402,
      headers: { "proxy-status": "PostgREST; error=PT402" },
      body: fault("PT402", "Payment Required", "Quota exceeded", "Upgrade your plan"),
    },
  ),
  post("401 asks for a credential", "/raise_it", raise("PT401", "Who?"), {
    status: 401,
    headers: { "www-authenticate": "Bearer" },
  }),
  post("PT and no number is 500", "/raise_it", raise("PT40A", "Wrong"), { status: 500 }),
  post("a plain exception is the client's fault", "/raise_it", raise("P0001", "no"), {
    status: 400,
  }),
  {
    ...get("an assertion is the server's", "/assert_it", undefined),
    want: {
      status: 500,
      body: fault("P0004", "assertion failed"),
    },
  },
  ...(
    [
      ["08000", 503],
      ["09000", 500],
      ["0L000", 403],
      ["0P000", 403],
      ["21000", 500],
      ["22023", 400],
      ["23503", 409],
      ["23505", 409],
      ["25006", 405],
      ["25000", 500],
      ["28000", 403],
      ["2D000", 500],
      ["38000", 500],
      ["39000", 500],
      ["3B000", 500],
      ["40001", 500],
      ["42501", 401],
      ["42883", 404],
      ["42P01", 404],
      ["42P17", 500],
      ["42601", 400],
      ["53100", 503],
      ["53400", 500],
      ["54001", 500],
      ["55000", 500],
      ["57000", 500],
      ["57P01", 503],
      ["58000", 500],
      ["F0000", 500],
      ["HV000", 500],
      ["P0002", 500],
      ["XX000", 500],
      ["99999", 400],
    ] as const
  ).map(([code, status]) =>
    post(`${code} is ${status}`, "/raise_it", raise(code, "message"), { status }),
  ),
  {
    ...post("forbidden to somebody with a credential is 403", "/raise_it", raise("42501", "no"), {
      status: 403,
    }),
    role: "service_role",
  },
  post(
    "a statement that pg-safeupdate refuses is the client's fault",
    "/raise_it",
    raise("21000", "UPDATE requires a WHERE clause"),
    { status: 400 },
  ),
  post("a role that is not there is 401", "/raise_it", raise("22023", 'role "x" does not exist'), {
    status: 401,
  }),
  post(
    "a whole answer",
    "/raise_it",
    raise("PGRST", OWN, {
      detail: '{"status":332,"status_text":"My Status","headers":{"X-Header":"str"}}',
    }),
    {
      status: 332,
      headers: {
        "x-header": "str",
        "proxy-status": "PostgREST; error=123",
        "content-type": JSON_TYPE,
      },
      body: fault("123", "ABC", "DEF", "XYZ"),
    },
  ),
  post(
    "with no more than it must have",
    "/raise_it",
    raise("PGRST", '{"code":"a b","message":"ABC"}', { detail: '{"status":404,"headers":{}}' }),
    {
      status: 404,
      headers: { "proxy-status": null },
      body: fault("a b", "ABC"),
    },
  ),
  ...[
    "INVALID",
    '{"code":"123"}',
    '{"code":1,"message":"x"}',
    '{"code":"1","message":"x","hint":{}}',
    "[]",
  ].map((message) =>
    post(
      `not with the message ${message}`,
      "/raise_it",
      raise("PGRST", message, { detail: '{"status":404,"headers":{}}' }),
      {
        status: 500,
        headers: { "proxy-status": "PostgREST; error=PGRST121" },
        body: fault(
          "PGRST121",
          UNREADABLE,
          `Invalid JSON value for MESSAGE: '${message}'`,
          MESSAGE_HINT,
        ),
      },
    ),
  ),
  post(
    "with headers beyond ASCII",
    "/raise_it",
    raise("PGRST", OWN, { detail: '{"status":402,"headers":{"X-Price":"5 €"}}' }),
    { status: 402, headers: { "x-price": AS_BYTES("5 €") } },
  ),
  post("not without a detail", "/raise_it", raise("PGRST", OWN), {
    status: 500,
    body: fault("PGRST121", UNREADABLE, "DETAIL is missing in the RAISE statement", DETAIL_HINT),
  }),
  ...[
    "INVALID",
    '{"status":404}',
    '{"status":"404","headers":{}}',
    '{"status":404,"headers":{"a b":"c"}}',
    '{"status":42,"headers":{}}',
  ].map((detail) =>
    post(`not with the detail ${detail}`, "/raise_it", raise("PGRST", OWN, { detail }), {
      status: 500,
      body: fault(
        "PGRST121",
        UNREADABLE,
        `Invalid JSON value for DETAIL: '${detail}'`,
        DETAIL_HINT,
      ),
    }),
  ),
];

describe("arguments", () => runDataRows(passing, () => world));
describe("the function meant", () => runDataRows(choosing, () => world));
describe("what comes back", () => runDataRows(returning, () => world));
describe("what a call may do", () => runDataRows(limiting, () => world));
describe("answers that functions make", () => runDataRows(answering, () => world));
describe("errors that functions raise", () => runDataRows(raising, () => world));

test("bytes are passed on as they are, both ways", async () => {
  const bytes = Buffer.from("00ff89504e470d0a1a0a5c7800", "hex");
  const answer = await world.ask("/rpc/by_kind", {
    method: "POST",
    headers: { "content-type": "application/octet-stream", accept: "application/octet-stream" },
    body: bytes,
  });
  expect(answer.headers.get("content-type")).toBe("application/octet-stream");
  expect(Buffer.from(await answer.arrayBuffer()).equals(bytes)).toBe(true);
});

test("one header may be set twice, and errors leave what was set behind", async () => {
  const answer = await world.ask("/rpc/set_headers");
  expect(answer.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
  expect([answer.status, answer.headers.get("x-kind")]).toEqual([200, "pot"]);
});

test("a call runs once, counted or not", async () => {
  const call = async (prefer: string) => {
    const headers = { prefer: `${prefer}, tx=commit` };
    const answer = await world.ask("/rpc/count_calls", { method: "POST", headers, body: {} });
    return Number(await answer.text());
  };
  const first = await call("count=exact");
  expect(await call("return=minimal")).toBe(first + 1);
});
