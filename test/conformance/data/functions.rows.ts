/** references/api/functions, references/transactions ("Access Mode", "Response Headers", …). */
import { expect } from "bun:test";
import { CSV_TYPE, call, fails, fault, get, head, ids, OBJECT, type Row } from "./kit.ts";

const FORM = { "content-type": "application/x-www-form-urlencoded" };
const nothing = { status: 204, answer: { "content-type": null } };

// "Calling with POST", "Calling with GET", "Scalar functions"
const scalars: Row[] = [
  call("columns chooses the arguments", "add?columns=a,b", { a: 1, b: 2, extra: 3 }, 3),
  get("GET with arguments", "/rpc/add?a=1&b=2", 3),
  call("POST with arguments", "add", { a: 1, b: 2 }, 3),
  call("POST of a form", "add", "a=1&b=2", 3, { headers: FORM }),
  call("POST of an array with one object", "add", [{ a: 1, b: 2 }], 3),
  get("a default", "/rpc/greet?name=Ann", "Ahoy, Ann"),
  get("over a default", "/rpc/greet?name=Ann&greeting=Hi", "Hi, Ann"),
  call("a default with POST", "greet", { name: "Ann" }, "Ahoy, Ann"),
  call("null as an argument", "greet", { name: null }, null),
  get("null", "/rpc/nothing", null),
  call("no argument", "nothing", {}, null),
  call("no body at all", "nothing", "", null),
  get("JSON as it is", "/rpc/one_json", { k: [1, 2] }),
  get("an enum", "/rpc/kind_of?kind=brig", "brig"),
  get("an array", "/rpc/int_array", [3, 1, 2], { range: "0-0/*" }),
  get("a set of scalars", "/rpc/scalars?top=3", [1, 2, 3]),
  get("an empty set of scalars", "/rpc/scalars?top=0", []),
  call("void answers nothing", "hoist", {}, undefined, { ...nothing, range: "0-0/*" }),
  get("one out parameter is an object too", "/rpc/single_out?n=2", { double: 4 }),
  head("HEAD calls too", "/rpc/add?a=1&b=2", { range: "0-0/*" }),
  get("a scalar is counted as one", "/rpc/add?a=1&b=2", 3, {
    prefer: "count=exact",
    range: "0-0/1",
  }),
  call(
    "names in capitals and with spaces",
    "Camel%20Case",
    { firstArg: 1, order: "x" },
    {
      firstArg: 1,
      order: "x",
    },
  ),
  fails(
    "a value of another type",
    "GET /rpc/add?a=one&b=2",
    400,
    fault({
      code: "22P02",
      message: 'invalid input syntax for type integer: "one"',
    }),
  ),
  fails(
    "an error inside",
    "GET /rpc/divide?a=1&b=0",
    400,
    fault({
      code: "22012",
      message: "division by zero",
    }),
  ),
];

// "Functions with array parameters", "Variadic functions"
const arrays: Row[] = [
  get("an array literal", "/rpc/plus_one?arr=%7B1,2%7D", [2, 3], { range: "0-0/*" }),
  call("an array of JSON", "plus_one", { arr: [1, 2, 3] }, [2, 3, 4], { range: "0-0/*" }),
  call("an array literal in JSON", "plus_one", { arr: "{1,2}" }, [2, 3], { range: "0-0/*" }),
  get("a variadic parameter, repeated", "/rpc/join_words?separator=-&words=a&words=b,c", "a-b,c"),
  get("a variadic parameter once", "/rpc/join_words?separator=-&words=a", "a"),
  call(
    "a variadic parameter as an array",
    "join_words",
    { separator: "-", words: ["a", "b"] },
    "a-b",
  ),
  call("a variadic parameter in a form", "join_words", "separator=-&words=a&words=b", "a-b", {
    headers: FORM,
  }),
  get("the last of a repeated parameter", "/rpc/add?a=1&a=5&b=2", 7),
];

// "Functions with an array of JSON objects", "… single unnamed JSON parameter", "… single unnamed parameter"
const unnamed: Row[] = [
  call("a JSON argument", "keys_of", { document: { a: 1, b: 2 } }, "a+b"),
  get("a JSON argument in the URL", "/rpc/keys_of?document=%7B%22a%22:1%7D", "a"),
  call("the whole body as JSON", "weigh", { gross: 5, tare: 2 }, "3 net"),
  call("the whole body as text", "shout", "low tide", "LOW TIDE", {
    headers: { "content-type": "text/plain" },
  }),
  call("the whole body as bytes", "count_bytes", "abcd", 4, {
    headers: { "content-type": "application/octet-stream" },
  }),
  call("the whole body as XML", "root_tag", "<harbour><ship/></harbour>", "harbour", {
    headers: { "content-type": "text/xml" },
  }),
  call("a named parameter goes before the unnamed", "either", { named: 1 }, "named"),
  call("the unnamed one takes the rest", "either", { other: 1 }, "unnamed"),
  fails(
    "text for a function of JSON",
    "POST /rpc/weigh",
    404,
    fault({
      code: "PGRST202",
      message: "Could not find the function api.weigh in the schema cache",
      details:
        "Searched for the function api.weigh with a single unnamed text parameter, but no matches were found in the schema cache.",
    }),
    { sent: "x", headers: { "content-type": "text/plain" } },
  ),
];

// "Table-Valued Functions", "Untyped functions"
const tables: Row[] = [
  get("rows of a table", "/rpc/ports_of?code=PT&select=id,name", [
    { id: 2, name: "Lisbon" },
    { id: 3, name: "Porto" },
  ]),
  call("rows with POST", "ports_of?select=id", { code: "PT" }, ids(2, 3)),
  get("filtered", "/rpc/all_ports?select=id&depth_m=gt.12&order=id", ids(1, 2, 3)),
  call("filtered with POST", "all_ports?select=id&depth_m=gt.12&order=id.desc", {}, ids(3, 2, 1)),
  get("arguments beside filters", "/rpc/ports_of?code=PT&name=like.P*&select=id", ids(3)),
  get("filtered by a column that is not selected", "/rpc/all_ports?select=name&id=eq.4", [
    { name: "Reykjavik" },
  ]),
  get("or", "/rpc/all_ports?select=id&or=(id.eq.1,id.eq.5)&order=id", ids(1, 5)),
  get("limit and offset", "/rpc/all_ports?select=id&order=id&limit=2&offset=1", ids(2, 3), {
    range: "1-2/*",
  }),
  call(
    "limit and offset with POST",
    "all_ports?select=id&order=id&limit=2&offset=1",
    {},
    ids(2, 3),
    {
      range: "1-2/*",
    },
  ),
  get("Range", "/rpc/all_ports?select=id&order=id", ids(2, 3), {
    headers: { range: "1-2" },
    range: "1-2/*",
  }),
  call("Range does not count with POST", "ports_of?select=id", { code: "PT" }, ids(2, 3), {
    headers: { range: "1-1" },
  }),
  get("counted", "/rpc/all_ports?select=id&order=id&limit=2", ids(1, 2), {
    prefer: "count=exact",
    status: 206,
    range: "0-1/5",
  }),
  head("counted by HEAD", "/rpc/all_ports?limit=2", {
    prefer: "count=exact",
    status: 206,
    range: "0-1/5",
  }),
  get("computed columns", "/rpc/table_of_captains?select=full_name&id=eq.1", [
    { full_name: "Ingrid Vik" },
  ]),
  get("one row of a table is an object", "/rpc/one_port?id=2&select=id,name", {
    id: 2,
    name: "Lisbon",
  }),
  get("columns of their own", "/rpc/squares?top=3&square=gt.1", [
    { n: 2, square: 4 },
    { n: 3, square: 9 },
  ]),
  get("columns of their own, selected", "/rpc/squares?top=2&select=q:square", [{ q: 1 }, { q: 4 }]),
  get("out parameters", "/rpc/split_name?full_name=Ann%20Bee", { first: "Ann", last: "Bee" }),
  get("inout parameters", "/rpc/swap?a=1&b=2", { a: 2, b: 1 }),
  get("a composite value", "/rpc/a_point", { lat: 1.5, long: 2.5 }),
  get("a record", "/rpc/a_record", { id: 1, name: "Bergen" }),
  get("a set of records", "/rpc/records", [
    { id: 1, name: "Bergen" },
    { id: 2, name: "Lisbon" },
  ]),
  get("CSV", "/rpc/squares?top=2", "n,square\n1,1\n2,4", {
    accept: "text/csv",
    answer: { "content-type": CSV_TYPE },
    range: "0-1/*",
  }),
  get(
    "one object of a set",
    "/rpc/all_ports?select=id&id=eq.1",
    { id: 1 },
    {
      accept: OBJECT,
      answer: { "content-type": `${OBJECT}; charset=utf-8` },
    },
  ),
  fails(
    "two are not one object",
    "GET /rpc/ports_of?code=PT",
    406,
    fault({
      code: "PGRST116",
      message: "Cannot coerce the result to a single JSON object",
      details: "The result contains 2 rows",
    }),
    { accept: OBJECT },
  ),
];

// "Overloaded functions"
const overloaded: Row[] = [
  get("no argument of an overloaded function", "/rpc/fare", "no arguments"),
  get("one argument", "/rpc/fare?age=7", "age 7"),
  get("two arguments", "/rpc/fare?age=7&class=deck", "age 7 in deck"),
  call("two arguments with POST", "fare", { class: "deck", age: 7 }, "age 7 in deck"),
  call("no argument with POST", "fare", {}, "no arguments"),
  fails(
    "arguments of none of them",
    "GET /rpc/fare?class=deck",
    404,
    expect.objectContaining({
      code: "PGRST202",
      message: "Could not find the function api.fare(class) in the schema cache",
      details:
        "Searched for the function api.fare with parameter class, but no matches were found in the schema cache.",
    }),
  ),
  fails(
    "two that cannot be told apart",
    "GET /rpc/twin?x=1",
    300,
    fault({
      code: "PGRST203",
      message:
        "Could not choose the best candidate function between: api.twin(x => integer), api.twin(x => text)",
      hint: "Try renaming the parameters or the function itself in the database so function overloading can be resolved",
    }),
  ),
];

// references/errors, PGRST202; "Functions as RPC"
const unknown: Row[] = [
  fails(
    "an unknown function",
    "GET /rpc/zzz_unlike_all",
    404,
    fault({
      code: "PGRST202",
      message:
        "Could not find the function api.zzz_unlike_all without parameters in the schema cache",
      details:
        "Searched for the function api.zzz_unlike_all without parameters, but no matches were found in the schema cache.",
    }),
  ),
  fails(
    "a name like that of a function",
    "GET /rpc/gret?name=x",
    404,
    fault({
      code: "PGRST202",
      message: "Could not find the function api.gret(name) in the schema cache",
      details:
        "Searched for the function api.gret with parameter name, but no matches were found in the schema cache.",
      hint: "Perhaps you meant to call the function api.greet",
    }),
  ),
  fails(
    "an argument too many",
    "GET /rpc/add?a=1&b=2&extra=3",
    404,
    fault({
      code: "PGRST202",
      message: "Could not find the function api.add(a, b, extra) in the schema cache",
      details:
        "Searched for the function api.add with parameters a, b, extra, but no matches were found in the schema cache.",
      hint: "Perhaps you meant to call the function api.add(a, b)",
    }),
  ),
  fails(
    "an argument too many with POST",
    "POST /rpc/add",
    404,
    fault({
      code: "PGRST202",
      message: "Could not find the function api.add(a, b, extra) in the schema cache",
      details:
        "Searched for the function api.add with parameters a, b, extra or with a single unnamed json/jsonb parameter, but no matches were found in the schema cache.",
      hint: "Perhaps you meant to call the function api.add(a, b)",
    }),
    { sent: { a: 1, b: 2, extra: 3 } },
  ),
  fails(
    "an argument that is missing",
    "GET /rpc/add?a=1",
    404,
    expect.objectContaining({
      code: "PGRST202",
      message: "Could not find the function api.add(a) in the schema cache",
    }),
  ),
  fails(
    "a computed column is no function to call",
    "GET /rpc/full_name",
    404,
    expect.objectContaining({
      code: "PGRST202",
    }),
  ),
  fails(
    "a procedure is not either",
    "POST /rpc/a_procedure",
    404,
    expect.objectContaining({
      code: "PGRST202",
    }),
    { sent: {} },
  ),
  fails(
    "a body that is no JSON",
    "POST /rpc/add",
    400,
    fault({
      code: "PGRST102",
      message: "Empty or invalid json",
    }),
    { sent: "{a:1}", headers: { "content-type": "application/json" } },
  ),
  ...["PATCH", "PUT", "DELETE"].map((method) =>
    fails(
      `${method} of a function`,
      `${method} /rpc/add`,
      405,
      fault({
        code: "PGRST101",
        message: `Cannot use the ${method} method on RPC`,
      }),
    ),
  ),
];

// references/transactions, "Access Mode on Functions"
const accessMode: Row[] = [
  call("a volatile function writes", "add_scrap", { a: "new" }, undefined, {
    ...nothing,
    after: get("it has written", "/scraps?a=eq.new", [{ a: "new", b: "by function" }]),
  }),
  fails(
    "but not with GET",
    "GET /rpc/add_scrap?a=new",
    405,
    fault({
      code: "25006",
      message: "cannot execute INSERT in a read-only transaction",
    }),
  ),
  fails(
    "a stable function does not write",
    "POST /rpc/stable_writer",
    400,
    fault({
      code: "0A000",
      message: "INSERT is not allowed in a non-volatile function",
    }),
    { sent: {} },
  ),
  get("a stable function with GET is read-only", "/rpc/read_only", "on"),
  call("a stable function with POST is read-only", "read_only", {}, "on"),
  get("a volatile function with GET is read-only", "/rpc/read_only_volatile", "on"),
  call("a volatile function with POST is not", "read_only_volatile", {}, "off"),
  call("a set of what was deleted", "clear_crates?select=id&order=id", {}, ids(1, 2, 3), {
    after: get("it is gone", "/crates", []),
  }),
];

// references/transactions, "Response Headers", "Response Status Code"
const responses: Row[] = [
  get("a status", "/rpc/teapot", { message: "short and stout" }, { status: 418 }),
  call("a status with POST", "teapot", {}, { message: "short and stout" }, { status: 418 }),
  get("headers, one of them twice", "/rpc/with_headers", "ok", {
    answer: { "x-tide": "high", "set-cookie": "a=1, b=2" },
  }),
  fails(
    "a status that is none",
    "GET /rpc/bad_status",
    500,
    fault({
      code: "PGRST112",
      message: "response.status guc must be a valid status code",
    }),
  ),
  fails(
    "headers that are none",
    "GET /rpc/bad_headers",
    500,
    fault({
      code: "PGRST111",
      message:
        "response.headers guc must be a JSON array composed of objects with a single key and a string value",
    }),
  ),
];

export const rows: readonly Row[] = [
  ...scalars,
  ...arrays,
  ...unnamed,
  ...tables,
  ...overloaded,
  ...unknown,
  ...accessMode,
  ...responses,
];
