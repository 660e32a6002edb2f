/** references/api/tables_views: insert, update, delete. references/api/preferences, "Return Representation". */
import { expect } from "bun:test";
import {
  CSV_TYPE,
  del,
  fails,
  fault,
  get,
  ids,
  JSON_TYPE,
  OBJECT,
  patch,
  post,
  type Row,
  raw,
} from "./kit.ts";

const FULL = "return=representation";
const full = { prefer: FULL, applied: FULL };
const TWICE = '{"id": 9, "name": "x", "plan": {"a": 1, "a": 2}}';
const FORM = { "content-type": "application/x-www-form-urlencoded" };
const CSV = { "content-type": "text/csv" };

const crates = (filter: string, rows: readonly object[]) =>
  get("what is there now", `/crates?order=id&${filter}`, rows);

// "Insert", "Return Representation"
const inserting: Row[] = [
  post("an object becomes a row, defaults included", "/crates", { label: "rope" }, undefined, {
    answer: { location: null, "preference-applied": null },
    after: crates("select=id,weight,sealed,contents&label=eq.rope", [
      { id: 4, weight: 10, sealed: false, contents: null },
    ]),
  }),
  post("return=minimal", "/crates", { label: "rope" }, undefined, {
    prefer: "return=minimal",
    applied: "return=minimal",
    answer: { location: null },
  }),
  post("return=headers-only tells where the row is", "/crates", { label: "rope" }, undefined, {
    prefer: "return=headers-only",
    applied: "return=headers-only",
    answer: { location: "/crates?id=eq.4" },
  }),
  post(
    "return=representation answers the row",
    "/crates",
    { label: "rope" },
    [{ id: 4, label: "rope", weight: 10, sealed: false, contents: null, marks: null }],
    { ...full, answer: { location: null } },
  ),
  post(
    "select of the representation",
    "/crates?select=label,id",
    { label: "rope" },
    [{ label: "rope", id: 4 }],
    full,
  ),
  post(
    "select renames and casts",
    "/crates?select=no:id::text,label",
    { label: "rope" },
    [{ no: "4", label: "rope" }],
    full,
  ),
  post("select without a representation does nothing", "/crates?select=label", { label: "rope" }),
  post("a place with two keys", "/berths", { dock: "a & b", no: 1 }, undefined, {
    prefer: "return=headers-only",
    answer: { location: "/berths?dock=eq.a%20%26%20b&no=eq.1" },
  }),
  post("no key, no place", "/scraps", { a: "z" }, undefined, {
    prefer: "return=headers-only",
    applied: "return=headers-only",
    answer: { location: null },
  }),
  post(
    "a place in a partitioned table",
    "/readings",
    { station: "s3", year: 2, value: 1 },
    undefined,
    {
      prefer: "return=headers-only",
      answer: { location: "/readings?station=eq.s3&year=eq.2" },
    },
  ),
  post("a place in a view", "/crate_labels", { label: "rope" }, undefined, {
    prefer: "return=headers-only",
    answer: { location: "/crate_labels?id=eq.4" },
  }),
  post(
    "an identity that may be given",
    "/crates?select=id,label",
    { id: 50, label: "rope" },
    [{ id: 50, label: "rope" }],
    full,
  ),
  post(
    "generated columns are computed",
    "/boxes",
    { width: 6, height: 7 },
    [{ id: 3, width: 6, height: 7, area: 42, code: null }],
    full,
  ),
  post(
    "null is null, not the default",
    "/crates?select=weight",
    { label: "a", weight: null },
    [{ weight: null }],
    full,
  ),
  post(
    "JSON and arrays",
    "/crates?select=contents,marks",
    {
      label: "a",
      contents: { deep: [1, { x: null }] },
      marks: ["p", "q,r", null],
    },
    [{ contents: { deep: [1, { x: null }] }, marks: ["p", "q,r", null] }],
    full,
  ),
  post(
    "an array as a literal",
    "/crates?select=marks",
    { label: "a", marks: "{p,q}" },
    [{ marks: ["p", "q"] }],
    full,
  ),
  post(
    "a trigger has its say",
    "/stamped",
    { id: 2, name: "n" },
    [{ id: 2, name: "n", stamp: "by INSERT" }],
    full,
  ),
  post(
    "quoted names",
    "/Ship's%20Log?select=%22the%20day%22,%22qu%5C%22ote%22",
    { "the day": 9, 'qu"ote': "w" },
    [{ "the day": 9, 'qu"ote': "w" }],
    full,
  ),
  post(
    "related rows of the result",
    "/voyages?select=id,ships(name)",
    {
      id: 9,
      ship_id: 2,
      departed: "2004-01-01T00:00:00Z",
    },
    [{ id: 9, ships: { name: "Bela" } }],
    full,
  ),
  post(
    "related rows of the result, filtered",
    "/voyages?select=id,ships(name)&ships.name=eq.Aurora",
    {
      id: 9,
      ship_id: 2,
      departed: "2004-01-01T00:00:00Z",
    },
    [{ id: 9, ships: null }],
    full,
  ),
  post(
    "computed fields of the result",
    "/captains?select=full_name,mentor(first_name)",
    {
      id: 9,
      first_name: "Eva",
      last_name: "Lund",
      mentor_id: 2,
    },
    [{ full_name: "Eva Lund", mentor: { first_name: "Duarte" } }],
    full,
  ),
  post("a count of what was written", "/buoys", [{ id: 8 }, { id: 9 }], undefined, {
    prefer: "count=exact",
    applied: "count=exact",
    range: "*/2",
  }),
  post(
    "the representation as CSV",
    "/crates?select=id,label",
    { label: "rope" },
    "id,label\n4,rope",
    {
      ...full,
      accept: "text/csv",
      answer: { "content-type": CSV_TYPE },
    },
  ),
  post(
    "the representation as one object",
    "/crates?select=id",
    { label: "rope" },
    { id: 4 },
    {
      ...full,
      accept: OBJECT,
      answer: { "content-type": `${OBJECT}; charset=utf-8` },
    },
  ),
  fails(
    "several rows are not one object, and are not written",
    "POST /buoys",
    406,
    fault({
      code: "PGRST116",
      message: "Cannot coerce the result to a single JSON object",
      details: "The result contains 2 rows",
    }),
    {
      sent: [{ id: 8 }, { id: 9 }],
      prefer: FULL,
      accept: OBJECT,
      after: get("nothing was written", "/buoys?order=id", ids(1, 2)),
    },
  ),
];

// What writing shares with reading: negotiation, and what the database says of the answer
const answers: Row[] = [
  post("white space around JSON", "/buoys", ' \n\t{ "id" : 9 }\r\n ', ids(9), {
    ...full,
    headers: { "content-type": "application/json" },
  }),
  post(
    "a key twice in JSON is kept twice",
    "/ports?select=plan",
    TWICE,
    raw('[{"plan":{"a": 1, "a": 2}}]'),
    {
      ...full,
      headers: { "content-type": "application/json" },
    },
  ),
  post("null in CSV is nothing", "/scraps", "a,b\nNULL,foo", "a,b\n,foo", {
    ...full,
    headers: CSV,
    accept: "text/csv",
    answer: { "content-type": CSV_TYPE },
  }),
  post(
    "the default of a domain, and of a column over it",
    "/levels?columns=id,plain,own",
    { id: 1 },
    [{ id: 1, plain: 7, own: 9 }],
    { prefer: "missing=default, return=representation" },
  ),
  post(
    "the one side of the table itself",
    "/captains?select=id,teacher:mentor_id(first_name)",
    {
      id: 9,
      first_name: "E",
      last_name: "L",
      mentor_id: 3,
    },
    [{ id: 9, teacher: { first_name: "Halla" } }],
    full,
  ),
  post("a place with letters beyond ASCII", "/berths", { dock: "圍棋", no: 1 }, undefined, {
    prefer: "return=headers-only",
    answer: { location: "/berths?dock=eq.%E5%9C%8D%E6%A3%8B&no=eq.1" },
  }),
  post(
    "the columns that the caller may read",
    "/wages?select=id,name",
    { id: 3, name: "C", pay: 1 },
    [{ id: 3, name: "C" }],
    full,
  ),
  fails(
    "a column that the caller may not read",
    "POST /wages",
    401,
    fault({
      code: "42501",
      message: "permission denied for table wages",
    }),
    { sent: { id: 3 }, prefer: FULL },
  ),
  fails(
    "columns of nothing",
    "POST /crates?columns=",
    400,
    fault({
      code: "PGRST100",
      message: '"failed to parse columns parameter ()" (line 1, column 1)',
      details: "unexpected end of input expecting field name (* or [a..z0..9_$])",
    }),
    { sent: { label: "a" } },
  ),
  fails(
    "an unknown table goes before unknown columns",
    "POST /crtes?columns=nope",
    404,
    fault({
      code: "PGRST205",
      message: "Could not find the table 'api.crtes' in the schema cache",
      hint: "Perhaps you meant the table 'api.crates'",
    }),
    { sent: { label: "a" } },
  ),
  post("an empty select of the representation", "/buoys?select=", { id: 9 }, ids(9), full),
  post("a number for text", "/crates?select=label", { label: 5 }, [{ label: "5" }], full),
  post(
    "an object for text",
    "/crates?select=label",
    { label: { a: 1 } },
    [{ label: '{"a":1}' }],
    full,
  ),
  post("a trigger chooses status and headers", "/noisy", { id: 1 }, undefined, {
    status: 202,
    answer: { "x-noise": "loud" },
  }),
  fails(
    "a trigger raises a status",
    "POST /noisy",
    402,
    fault({
      code: "PT402",
      message: "Pay first",
      details: "one coin",
      hint: "or two",
    }),
    { sent: { id: -1 } },
  ),
  fails(
    "a type that cannot be answered, though nothing would be",
    "POST /buoys",
    406,
    fault({
      code: "PGRST107",
      message: "None of these media types are available: unknown/unknown",
    }),
    {
      sent: { id: 9 },
      accept: "unknown/unknown",
      after: get("nothing was written", "/buoys?order=id", ids(1, 2)),
    },
  ),
];

// "Bulk Insert", "x-www-form-urlencoded", "Specifying Columns", "Bulk Insert with Default Values"
const bulk: Row[] = [
  post(
    "an array of objects",
    "/crates?select=id,label",
    [{ label: "a" }, { label: "b" }],
    [
      { id: 4, label: "a" },
      { id: 5, label: "b" },
    ],
    full,
  ),
  post("an array has no place", "/buoys", [{ id: 8 }, { id: 9 }], undefined, {
    prefer: "return=headers-only",
    answer: { location: null },
  }),
  post(
    "keys in another order",
    "/crates?select=label,weight",
    [
      { label: "a", weight: 1 },
      { weight: 2, label: "b" },
    ],
    [
      { label: "a", weight: 1 },
      { label: "b", weight: 2 },
    ],
    full,
  ),
  fails(
    "keys that differ",
    "POST /crates",
    400,
    fault({
      code: "PGRST102",
      message: "All object keys must match",
    }),
    { sent: [{ label: "a" }, { label: "b", weight: 1 }] },
  ),
  fails(
    "an array of more than objects",
    "POST /crates",
    400,
    fault({
      code: "PGRST102",
      message: "All object keys must match",
    }),
    { sent: [{ label: "a" }, 5, "x"] },
  ),
  post("an empty object is a row of defaults", "/scraps", {}, [{ a: null, b: null }], full),
  post(
    "two empty objects are two rows",
    "/scraps",
    [{}, {}],
    [
      { a: null, b: null },
      { a: null, b: null },
    ],
    full,
  ),
  post("an empty array is no row", "/crates", [], [], full),
  post("an empty array without a representation", "/crates", []),
  post(
    "a form",
    "/crates?select=label,weight,sealed",
    "label=rope+coil&weight=7&sealed=true",
    [{ label: "rope coil", weight: 7, sealed: true }],
    { ...full, headers: FORM },
  ),
  post(
    "CSV",
    "/crates?select=label,weight",
    "label,weight\nrope,7\nnet,8",
    [
      { label: "rope", weight: 7 },
      { label: "net", weight: 8 },
    ],
    { ...full, headers: CSV },
  ),
  post(
    "NULL in CSV is null, nothing is the empty text",
    "/scraps",
    "a,b\nNULL,\n",
    [{ a: null, b: "" }],
    {
      ...full,
      headers: CSV,
    },
  ),
  post(
    "quotes in CSV",
    "/scraps",
    'a,b\n"x, ""y""","line\nbreak"\n',
    [{ a: 'x, "y"', b: "line\nbreak" }],
    { ...full, headers: CSV },
  ),
  fails(
    "lines of CSV that differ in length",
    "POST /scraps",
    400,
    fault({
      code: "PGRST102",
      message: "All lines must have same number of fields",
    }),
    { sent: "a,b\nx\n", headers: CSV },
  ),
  post(
    "columns chooses from the payload",
    "/crates?columns=label,weight&select=label,weight,sealed",
    {
      label: "a",
      weight: 3,
      sealed: true,
      nonsense: 1,
    },
    [{ label: "a", weight: 3, sealed: false }],
    full,
  ),
  post(
    "columns lets keys differ; what is missing is null",
    "/crates?columns=label,weight&select=label,weight",
    [{ label: "a" }, { label: "b", weight: 3 }],
    [
      { label: "a", weight: null },
      { label: "b", weight: 3 },
    ],
    full,
  ),
  post(
    "missing=default takes the defaults",
    "/crates?columns=id,label,weight&select=id,label,weight",
    [{ label: "a" }, { label: "b", weight: 3 }],
    [
      { id: 4, label: "a", weight: 10 },
      { id: 5, label: "b", weight: 3 },
    ],
    {
      prefer: "missing=default, return=representation",
      applied: "missing=default, return=representation",
    },
  ),
  post(
    "missing=null is said too",
    "/crates?columns=label,weight&select=weight",
    { label: "a" },
    [{ weight: null }],
    {
      prefer: "missing=null, return=representation",
      applied: "missing=null, return=representation",
    },
  ),
  fails(
    "an unknown column in columns",
    "POST /crates?columns=label,colour",
    400,
    fault({
      code: "PGRST204",
      message: "Could not find the 'colour' column of 'crates' in the schema cache",
    }),
    { sent: { label: "a" } },
  ),
  fails(
    "an unknown key",
    "POST /crates",
    400,
    fault({
      code: "PGRST204",
      message: "Could not find the 'colour' column of 'crates' in the schema cache",
    }),
    { sent: { label: "a", colour: "red" } },
  ),
];

// "Insert": bodies that cannot be read, and what the database refuses
const refused: Row[] = [
  fails(
    "an empty body",
    "POST /crates",
    400,
    fault({
      code: "PGRST102",
      message: "Empty or invalid json",
    }),
    { sent: "", headers: { "content-type": "application/json" } },
  ),
  fails(
    "no JSON",
    "POST /crates",
    400,
    fault({
      code: "PGRST102",
      message: "Empty or invalid json",
    }),
    { sent: "{label: rope}", headers: { "content-type": "application/json" } },
  ),
  fails(
    "a type of body that tables do not take",
    "POST /crates",
    400,
    expect.objectContaining({
      code: "PGRST102",
    }),
    { sent: "rope", headers: { "content-type": "text/plain" } },
  ),
  fails(
    "a value that is missing",
    "POST /crates",
    400,
    fault({
      code: "23502",
      message: 'null value in column "label" of relation "crates" violates not-null constraint',
      details: "Failing row contains (4, null, 3, f, null, null).",
    }),
    { sent: { weight: 3 } },
  ),
  fails(
    "a key that is there",
    "POST /buoys",
    409,
    fault({
      code: "23505",
      message: 'duplicate key value violates unique constraint "buoys_pkey"',
      details: "Key (id)=(1) already exists.",
    }),
    { sent: { id: 1 } },
  ),
  fails(
    "a reference to nothing",
    "POST /checked",
    409,
    fault({
      code: "23503",
      message:
        'insert or update on table "checked" violates foreign key constraint "checked_port_id_fkey"',
      details: 'Key (port_id)=(99) is not present in table "ports".',
    }),
    { sent: { id: 2, amount: 1, port_id: 99 } },
  ),
  fails(
    "a check",
    "POST /checked",
    400,
    fault({
      code: "23514",
      message: 'new row for relation "checked" violates check constraint "amount_positive"',
      details: "Failing row contains (2, -1, null).",
    }),
    { sent: { id: 2, amount: -1 } },
  ),
  fails(
    "a value of another type",
    "POST /crates",
    400,
    fault({
      code: "22P02",
      message: 'invalid input syntax for type integer: "heavy"',
    }),
    { sent: { label: "a", weight: "heavy" } },
  ),
  fails(
    "a generated column",
    "POST /boxes",
    400,
    fault({
      code: "428C9",
      message: 'cannot insert a non-DEFAULT value into column "area"',
      details: 'Column "area" is a generated column.',
    }),
    { sent: { width: 1, height: 1, area: 5 } },
  ),
  fails(
    "an identity that is always generated",
    "POST /boxes",
    400,
    fault({
      code: "428C9",
      message: 'cannot insert a non-DEFAULT value into column "id"',
      details: 'Column "id" is an identity column defined as GENERATED ALWAYS.',
      hint: "Use OVERRIDING SYSTEM VALUE to override.",
    }),
    { sent: { id: 9, width: 1, height: 1 } },
  ),
  fails(
    "a trigger that refuses",
    "POST /gated",
    400,
    fault({
      code: "P0001",
      message: "the gate is shut",
      details: "since noon",
      hint: "come tomorrow",
    }),
    { sent: { id: 1 } },
  ),
  fails(
    "a row for which there is no partition",
    "POST /readings",
    400,
    fault({
      code: "23514",
      message: 'no partition of relation "readings" found for row',
      details: "Partition key of the failing row contains (year) = (9).",
    }),
    { sent: { station: "s1", year: 9 } },
  ),
  fails(
    "a row that a view would not show",
    "POST /heavy_crates",
    400,
    fault({
      code: "44000",
      message: 'new row violates check option for view "heavy_crates"',
      details: "Failing row contains (4, down, 1, f, null, null).",
    }),
    { sent: { label: "down", weight: 1 } },
  ),
  fails(
    "a view that cannot be written",
    "POST /counted_ports",
    500,
    fault({
      code: "55000",
      message: 'cannot insert into view "counted_ports"',
      details: "Views that return window functions are not automatically updatable.",
      hint: "To enable inserting into the view, provide an INSTEAD OF INSERT trigger or an unconditional ON INSERT DO INSTEAD rule.",
    }),
    { sent: { id: 9 } },
  ),
  fails(
    "a foreign table that cannot be written",
    "POST /tides",
    400,
    fault({
      code: "0A000",
      message: 'cannot insert into foreign table "tides"',
    }),
    { sent: { id: 9 } },
  ),
  post("a view with a trigger", "/insertable_ports", { id: 9, name: "Nova" }, undefined, {
    after: get("the trigger wrote the table", "/ports?select=name&id=eq.9", [{ name: "Nova" }]),
  }),
  post("a table that may be written but not read", "/drop_box", { id: 2, message: "m" }),
  fails(
    "the representation of what may not be read",
    "POST /drop_box",
    401,
    fault({
      code: "42501",
      message: "permission denied for table drop_box",
    }),
    { sent: { id: 2 }, prefer: FULL },
  ),
];

// "Update"
const updating: Row[] = [
  patch(
    "missing=default",
    "/crates?id=eq.1&columns=label,weight&select=label,weight",
    { label: "x" },
    [{ label: "x", weight: 10 }],
    {
      prefer: "missing=default, return=representation",
      applied: "missing=default, return=representation",
    },
  ),
  patch("the rows of a filter", "/crates?id=eq.1", { weight: 6 }, undefined, {
    range: "0-0/*",
    after: crates("select=id,weight", [
      { id: 1, weight: 6 },
      { id: 2, weight: 90 },
      { id: 3, weight: 12 },
    ]),
  }),
  patch("all rows without one", "/crates", { sealed: true }, undefined, {
    range: "0-2/*",
    after: crates("select=id&sealed=is.true", ids(1, 2, 3)),
  }),
  patch(
    "the representation",
    "/crates?id=eq.1&select=id,label,weight",
    { weight: 6 },
    [{ id: 1, label: "tea", weight: 6 }],
    { ...full, range: "0-0/*" },
  ),
  patch("return=minimal of an update", "/crates?id=eq.1", { weight: 6 }, undefined, {
    prefer: "return=minimal",
    applied: "return=minimal",
  }),
  patch("return=headers-only of an update", "/crates?id=eq.1", { weight: 6 }, undefined, {
    prefer: "return=headers-only",
    applied: "return=headers-only",
  }),
  patch("no row that fits", "/crates?id=eq.99", { weight: 6 }, undefined, { range: "*/*" }),
  patch("the representation of no row", "/crates?id=eq.99", { weight: 6 }, [], {
    ...full,
    range: "*/*",
  }),
  patch("an empty object changes nothing", "/crates?id=eq.1", {}, undefined, { range: "*/*" }),
  patch("an empty object has an empty representation", "/crates?id=eq.1", {}, [], {
    ...full,
    range: "*/*",
  }),
  patch("a count", "/crates?id=in.(1,2)", { weight: 6 }, undefined, {
    prefer: "count=exact",
    applied: "count=exact",
    range: "0-1/2",
  }),
  patch("a count of none", "/crates?id=eq.99", { weight: 6 }, undefined, {
    prefer: "count=exact",
    range: "*/0",
  }),
  patch(
    "rows that no longer fit the filter are answered",
    "/crates?weight=eq.5&select=id,weight",
    { weight: 6 },
    [{ id: 1, weight: 6 }],
    full,
  ),
  patch(
    "or, and the rows that no longer fit",
    "/crates?or=(weight.eq.5,weight.eq.90)&select=id,weight&order=id",
    { weight: 6 },
    [
      { id: 1, weight: 6 },
      { id: 2, weight: 6 },
    ],
    full,
  ),
  patch(
    "the order of the representation",
    "/crates?select=id&order=id.desc",
    { weight: 1 },
    ids(3, 2, 1),
    full,
  ),
  patch(
    "columns chooses from the object",
    "/crates?id=eq.1&columns=weight&select=label,weight",
    { weight: 6, label: "no" },
    [{ label: "tea", weight: 6 }],
    full,
  ),
  patch(
    "an array of one object",
    "/crates?id=eq.1&select=weight",
    [{ weight: 6 }],
    [{ weight: 6 }],
    full,
  ),
  patch("a form", "/crates?id=eq.1&select=weight", "weight=8", [{ weight: 8 }], {
    ...full,
    headers: FORM,
  }),
  patch("CSV", "/crates?id=eq.1&select=weight", "weight\n8", [{ weight: 8 }], {
    ...full,
    headers: CSV,
  }),
  patch("null", "/crates?id=eq.1&select=weight", { weight: null }, [{ weight: null }], full),
  patch(
    "a trigger",
    "/stamped?id=eq.1",
    { name: "new" },
    [{ id: 1, name: "new", stamp: "by UPDATE" }],
    full,
  ),
  patch(
    "a filter by a path in JSON",
    "/crates?contents->>from=eq.Assam&select=id",
    { weight: 1 },
    ids(1),
    full,
  ),
  patch(
    "related rows",
    "/ships?id=eq.1&select=name,captains(last_name)",
    { name: "Aura" },
    [{ name: "Aura", captains: { last_name: "Vik" } }],
    full,
  ),
  patch(
    "related rows follow the new key",
    "/ships?id=eq.1&select=name,ports(name)",
    { home_port_id: 3 },
    [{ name: "Aurora", ports: { name: "Porto" } }],
    full,
  ),
  patch(
    "a view",
    "/crate_labels?id=eq.1",
    { label: "green tea" },
    [{ id: 1, label: "green tea", weight: 5 }],
    full,
  ),
  patch("a view with a trigger", "/updatable_ports?id=eq.5", { name: "Elsewhere" }, undefined, {
    after: get("the trigger changed the table", "/ports?select=name&id=eq.5", [
      { name: "Elsewhere" },
    ]),
  }),
  patch(
    "a partition key moves the row",
    "/readings?station=eq.s2",
    { year: 2 },
    [{ station: "s2", year: 2, value: 21 }],
    full,
  ),
  fails(
    "several rows are not one object, and are not changed",
    "PATCH /crates",
    406,
    fault({
      code: "PGRST116",
      message: "Cannot coerce the result to a single JSON object",
      details: "The result contains 3 rows",
    }),
    {
      sent: { weight: 0 },
      prefer: FULL,
      accept: OBJECT,
      after: crates("select=id&weight=eq.0", []),
    },
  ),
  fails(
    "an unknown key of an update",
    "PATCH /crates?id=eq.1",
    400,
    fault({
      code: "PGRST204",
      message: "Could not find the 'colour' column of 'crates' in the schema cache",
    }),
    { sent: { colour: "red" } },
  ),
  fails(
    "a generated column",
    "PATCH /boxes?id=eq.1",
    400,
    fault({
      code: "428C9",
      message: 'column "area" can only be updated to DEFAULT',
      details: 'Column "area" is a generated column.',
    }),
    { sent: { area: 1 } },
  ),
  fails(
    "a filter by an unknown column",
    "PATCH /crates?nothing_such=eq.1",
    400,
    expect.objectContaining({
      code: "42703",
    }),
    { sent: { weight: 1 } },
  ),
];

// "Delete"
const deleting: Row[] = [
  del("the rows of a filter", "/buoys?id=eq.1", undefined, {
    after: get("one is left", "/buoys", ids(2)),
  }),
  del("all rows without one", "/scraps", undefined, { after: get("none is left", "/scraps", []) }),
  del("the representation", "/crates?id=eq.1&select=id,label", [{ id: 1, label: "tea" }], full),
  del("return=minimal of a deletion", "/buoys?id=eq.1", undefined, {
    prefer: "return=minimal",
    applied: "return=minimal",
  }),
  del("no row that fits", "/buoys?id=eq.99"),
  del("the representation of no row", "/buoys?id=eq.99", [], full),
  del("a count", "/scraps?a=eq.y", undefined, {
    prefer: "count=exact",
    applied: "count=exact",
    range: "*/2",
  }),
  del("by two keys", "/berths?dock=eq.north&no=eq.1", undefined, {
    after: get("the others are left", "/berths?select=dock,no&order=dock,no", [
      { dock: "north", no: 2 },
      { dock: "south", no: 1 },
    ]),
  }),
  del("or", "/crates?or=(id.eq.1,label.eq.silk)&select=id&order=id", ids(1, 3), full),
  del("renamed and cast", "/crates?id=eq.2&select=no:id::text", [{ no: "2" }], full),
  del(
    "related rows",
    "/voyage_crew?voyage_id=eq.2&select=duty,crew(name)",
    [{ duty: "mate", crew: { name: "Bo" } }],
    full,
  ),
  del(
    "as one object",
    "/buoys?id=eq.1",
    { id: 1 },
    {
      ...full,
      accept: OBJECT,
      answer: { "content-type": `${OBJECT}; charset=utf-8` },
    },
  ),
  del("as CSV", "/buoys?id=eq.1", "id\n1", {
    ...full,
    accept: "text/csv",
    answer: { "content-type": CSV_TYPE },
  }),
  del("of a view with a trigger", "/deletable_ports?id=eq.5", undefined, {
    after: get("the trigger changed the table", "/ports?id=eq.5", []),
  }),
  del("of a view", "/crate_labels?id=eq.2", [{ id: 2, label: "iron", weight: 90 }], {
    ...full,
    answer: { "content-type": JSON_TYPE },
  }),
  fails(
    "several rows are not one object, and stay",
    "DELETE /crates",
    406,
    fault({
      code: "PGRST116",
      message: "Cannot coerce the result to a single JSON object",
      details: "The result contains 3 rows",
    }),
    { prefer: FULL, accept: OBJECT, after: crates("select=id", ids(1, 2, 3)) },
  ),
  fails(
    "a row that others point to",
    "DELETE /captains?id=eq.1",
    409,
    expect.objectContaining({
      code: "23503",
    }),
  ),
];

export const rows: readonly Row[] = [
  ...inserting,
  ...answers,
  ...bulk,
  ...refused,
  ...prefixed("an update: ", updating),
  ...prefixed("a deletion: ", deleting),
];

function prefixed(prefix: string, group: readonly Row[]): Row[] {
  return group.map((row) => ({ ...row, name: `${prefix}${row.name}` }));
}
