/** references/api/tables_views: reading tables and views. */
import { expect } from "bun:test";
import { fails, fault, get, head, ids, type More, type Row, raw } from "./kit.ts";

/** Name, filters, the ports that are left. */
type Filter = readonly [name: string, filter: string, ids: readonly number[]];

const ports = (filters: readonly Filter[]): Row[] =>
  filters.map(([name, filter, left]) =>
    get(name, `/ports?select=id&order=id&${filter}`, ids(...left)),
  );

const words = (filters: readonly Filter[]): Row[] =>
  filters.map(([name, filter, left]) =>
    get(name, `/words?select=id&order=id&${filter}`, ids(...left)),
  );

const invalid = (name: string, path: string, message: string, details: string, more: More = {}) =>
  fails(name, `GET ${path}`, 400, fault({ code: "PGRST100", message, details }), more);

const BERGEN = {
  id: 1,
  name: "Bergen",
  country_code: "NO",
  depth_m: 22.5,
  opened: "1070-01-01",
  is_open: true,
  tags: ["fish", "ferry"],
  info: { pilot: { name: "Olav", calls: [16, 12] }, cranes: 3 },
  plan: { a: 1 },
  search: "'cold':1 'harbour':3 'hous':6 'raini':2 'wooden':5",
  berths: "[1,10)",
};

// "Read", "Horizontal Filtering"
const reading: Row[] = [
  get("a table answers all of its rows and columns", "/ports?id=eq.1", [
    // jsonb keeps its members by length, then by name.
    { ...BERGEN, info: { pilot: { name: "Olav", calls: [16, 12] }, cranes: 3 } },
  ]),
  get("the path of Supabase's clients is the same table", "/rest/v1/buoys?order=id", ids(1, 2)),
  get("a view answers as a table does", "/open_ports?select=id,name&order=id", [
    { id: 1, name: "Bergen" },
    { id: 2, name: "Lisbon" },
  ]),
  get("a view of a view", "/deep_ports", [{ id: 1, name: "Bergen", country_code: "NO" }]),
  get("a view over a hidden schema", "/lamps?order=id&limit=2", [
    { id: 1, port_id: 1, colour: "red" },
    { id: 2, port_id: 1, colour: "green" },
  ]),
  get("a materialized view", "/captain_tallies?id=lt.3&order=id", [
    { id: 1, last_name: "Vik", mentor_id: null, ships: 1 },
    { id: 2, last_name: "Reis", mentor_id: 1, ships: 1 },
  ]),
  get("a view with a union", "/everyone?order=name&limit=3", [
    { name: "Ana" },
    { name: "Bo" },
    { name: "Cleo" },
  ]),
  get("a partitioned table", "/harbour_logs?order=on_day,port_id", [
    { port_id: 1, on_day: "1999-05-01", entries: 7 },
    { port_id: 2, on_day: "1999-05-01", entries: 12 },
    { port_id: 1, on_day: "2000-02-29", entries: 9 },
  ]),
  fails(
    "a partition stays behind its table",
    "GET /harbour_logs_2000",
    404,
    fault({
      code: "PGRST205",
      message: "Could not find the table 'api.harbour_logs_2000' in the schema cache",
    }),
  ),
  get("a foreign table", "/tides?order=id", [
    { id: 1, port_id: 1, height: 0.4, word: "low" },
    { id: 2, port_id: 1, height: 1.2, word: "high" },
    { id: 3, port_id: 2, height: 3.1, word: "high" },
  ]),
  get("an empty table answers an empty array", "/gated", []),
  head("HEAD answers the headers alone", "/items", { range: "0-14/*" }),
  head("HEAD of nothing", "/gated", { range: "*/*" }),
  get("an answer names its place with sorted parameters", "/buoys?order=id&id=gt.1", ids(2), {
    answer: { "content-location": "/buoys?id=gt.1&order=id" },
  }),
  get("an answer without parameters names the table", "/buoys", ids(1, 2), {
    answer: { "content-location": "/buoys" },
  }),
  fails(
    "an unknown table is not found",
    "GET /prts",
    404,
    fault({
      code: "PGRST205",
      message: "Could not find the table 'api.prts' in the schema cache",
      hint: "Perhaps you meant the table 'api.ports'",
    }),
  ),
  fails(
    "a table like no other has no hint",
    "GET /zzzzqqqq",
    404,
    fault({
      code: "PGRST205",
      message: "Could not find the table 'api.zzzzqqqq' in the schema cache",
    }),
  ),
  fails(
    "a table of a schema that is not exposed is not found",
    "GET /seeds",
    404,
    expect.objectContaining({ code: "PGRST205" }),
  ),
  fails(
    "deeper paths do not exist",
    "GET /ports/1/voyages",
    404,
    fault({ code: "PGRST125", message: "Invalid path specified in request URL" }),
  ),
  fails(
    "a view that writes cannot be read",
    "GET /visit_counter",
    405,
    fault({ code: "25006", message: "cannot execute nextval() in a read-only transaction" }),
  ),
];

// "Operators"
const operators: Row[] = ports([
  ["no filter leaves all", "", [1, 2, 3, 4, 5]],
  ["eq", "id=eq.2", [2]],
  ["neq", "id=neq.2", [1, 3, 4, 5]],
  ["gt", "depth_m=gt.14", [1]],
  ["gte", "depth_m=gte.14", [1, 2]],
  ["lt", "depth_m=lt.12.5", [4]],
  ["lte", "depth_m=lte.12.5", [3, 4]],
  ["like with stars", "name=like.*o*", [2, 3, 5]],
  ["like with percent signs", "name=like.%25en", [1]],
  ["like with an underscore", "name=like.P_rto", [3]],
  ["like minds the case", "name=like.b*", []],
  ["ilike does not", "name=ilike.b*", [1]],
  ["match", "name=match.%5E%5BBL%5D", [1, 2]],
  ["match minds the case", "name=match.%5Eb", []],
  ["imatch does not", "name=imatch.%5Eb", [1]],
  ["in", "country_code=in.(NO,IS)", [1, 4]],
  ["in of numbers", "id=in.(1,3,99)", [1, 3]],
  ["in of nothing", "id=in.()", []],
  ["in of quoted values", 'name=in.("Bergen","Porto")', [1, 3]],
  ["is null", "is_open=is.null", [4, 5]],
  ["is not_null", "is_open=is.not_null", [1, 2, 3]],
  ["is true", "is_open=is.true", [1, 2]],
  ["is false", "is_open=is.false", [3]],
  ["is unknown", "is_open=is.unknown", [4, 5]],
  ["is in capitals", "is_open=is.NULL", [4, 5]],
  ["isdistinct from a value counts nulls", "is_open=isdistinct.true", [3, 4, 5]],
  ["isdistinct of text", "country_code=isdistinct.PT", [1, 4, 5]],
  ["not isdistinct", "country_code=not.isdistinct.PT", [2, 3]],
  ["eq of a boolean", "is_open=eq.true", [1, 2]],
  ["eq of a number in another form", "depth_m=eq.14.00", [2]],
  ["a date", "opened=gte.1892-03-01", [3, 4]],
  ["cs of an array", "tags=cs.{ferry}", [1, 2]],
  ["cs of two elements", "tags=cs.{ferry,wine}", [2]],
  ["cs of JSON", 'info=cs.{"cranes":3}', [1]],
  ["cs of a range", "berths=cs.[6,7]", [1, 2]],
  ["cd of an array", "tags=cd.{wine}", [3, 4]],
  ["cd of a range", "berths=cd.[0,21)", [1, 2, 4]],
  ["ov of an array", "tags=ov.{fish,wine}", [1, 2, 3]],
  ["ov of a range", "berths=ov.[9,12)", [1, 2]],
  ["sl", "berths=sl.[10,20)", [1]],
  ["sr", "berths=sr.[1,20)", [3]],
  ["nxr", "berths=nxr.[0,20)", [1, 2]],
  ["nxl", "berths=nxl.[5,6)", [2, 3]],
  ["adj", "berths=adj.[10,20)", [1, 3]],
  ["not eq", "id=not.eq.2", [1, 3, 4, 5]],
  ["not in", "id=not.in.(1,2)", [3, 4, 5]],
  ["not like", "name=not.like.*o*", [1, 4]],
  ["not is null", "is_open=not.is.null", [1, 2, 3]],
  ["not cs", "tags=not.cs.{wine}", [1, 4]],
  ["two filters of one column", "id=gt.1&id=lt.4", [2, 3]],
  ["two filters of two columns", "country_code=eq.PT&is_open=is.false", [3]],
]);

// "Logical operators"
const logic: Row[] = ports([
  ["or", "or=(id.eq.1,name.like.P*)", [1, 3]],
  ["or of one column", "or=(depth_m.lt.10,depth_m.gt.20)", [1, 4]],
  ["and", "and=(id.gte.2,id.lte.4)", [2, 3, 4]],
  ["not.and", "not.and=(id.gte.2,id.lte.4)", [1, 5]],
  ["not.or", "not.or=(id.eq.1,id.eq.2)", [3, 4, 5]],
  ["and inside or", "or=(id.eq.5,and(country_code.eq.PT,is_open.is.false))", [3, 5]],
  ["or inside and", "and=(or(id.eq.1,id.eq.2),or(id.eq.2,id.eq.3))", [2]],
  ["three levels", "or=(id.eq.5,and(id.gt.1,or(id.eq.2,not.and(id.lt.4,id.gt.0))))", [2, 4, 5]],
  [
    "a filter beside or and not.and",
    "is_open=is.true&or=(id.eq.2,not.and(depth_m.gt.1,depth_m.lt.20))",
    [1, 2],
  ],
  ["a negated operator inside", "or=(id.not.gt.1,id.eq.4)", [1, 4]],
  ["in inside", "or=(id.in.(1,2),name.eq.Nowhere)", [1, 2, 5]],
  ["not in inside", "or=(id.not.in.(1,2,3,4),name.eq.Porto)", [3, 5]],
  ["a reserved character in double quotes", 'or=(berths.adj."[10,20)",id.eq.5)', [1, 3, 5]],
  ["an array keeps its commas", "or=(tags.cs.{ferry,wine},id.eq.5)", [2, 5]],
  ["is inside", "or=(is_open.is.null,is_open.is.false)", [3, 4, 5]],
  [
    "full-text search inside",
    "or=(search.fts(english).explorer,search.plfts(english).fishing)",
    [2, 4],
  ],
  ["a modifier inside", "or=(name.like(any).{B*,L*},id.eq.5)", [1, 2, 5]],
  ["JSON paths inside", "or=(info->cranes.eq.3,info->pilot->>name.eq.Rui)", [1, 2]],
  ["two or", "or=(id.eq.1,id.eq.2)&or=(id.eq.2,id.eq.3)", [2]],
  ["white space between", "or=(%20id.eq.1%20,%20id.eq.2%20)", [1, 2]],
]);

// "Operator Modifiers"
const modifiers: Row[] = ports([
  ["eq(any)", "id=eq(any).{1,3}", [1, 3]],
  ["eq(any) of text", "country_code=eq(any).{NO,IS}", [1, 4]],
  ["eq(all)", "id=eq(all).{1,3}", []],
  ["like(any)", "name=like(any).{B*,*o}", [1, 3]],
  ["like(all)", "name=like(all).{*o*,*n*}", [2]],
  ["ilike(any)", "name=ilike(any).{b*,n*}", [1, 5]],
  ["ilike(all)", "name=ilike(all).{*O*,*N*}", [2, 5]],
  ["gt(any)", "id=gt(any).{3,4}", [4, 5]],
  ["gt(all)", "id=gt(all).{3,4}", [5]],
  ["gte(any)", "id=gte(any).{4,9}", [4, 5]],
  ["gte(all)", "id=gte(all).{3,4}", [4, 5]],
  ["lt(any)", "id=lt(any).{2,3}", [1, 2]],
  ["lt(all)", "id=lt(all).{2,3}", [1]],
  ["lte(any)", "id=lte(any).{1,2}", [1, 2]],
  ["lte(all)", "id=lte(all).{1,2}", [1]],
  ["match(any)", "name=match(any).{%5EB,%5EP}", [1, 3]],
  ["match(all)", "name=match(all).{o,%5EP}", [3]],
  ["imatch(any)", "name=imatch(any).{%5Eb,%5Ep}", [1, 3]],
  ["imatch(all)", "name=imatch(all).{O,%5Ep}", [3]],
  ["not eq(any)", "id=not.eq(any).{1,2}", [3, 4, 5]],
]);

// "Full-Text Search", "Automatic tsvector conversion"
const textSearch: Row[] = [
  ...ports([
    ["fts", "search=fts.harbour", [1, 2, 3]],
    ["fts with a language", "search=fts(english).explorer", [2]],
    ["fts with an operator of tsquery", "search=fts.cold%7Criver", [1, 3]],
    ["fts with a prefix", "search=fts.volc:*", [4]],
    ["plfts takes plain words", "search=plfts(english).rainy%20cold", [1]],
    ["phfts takes a phrase", "search=phfts(english).rainy%20harbour", [1]],
    ["phfts minds the order", "search=phfts(english).harbour%20rainy", []],
    ["wfts takes what people type", "search=wfts(english).harbour%20-wine", [1, 2]],
    ["wfts with or", "search=wfts(english).rainy%20or%20river", [1, 3]],
    ["not fts", "search=not.fts(english).harbour", [4]],
    ["not phfts", "search=not.phfts(english).old%20harbour", [1, 3, 4]],
    ["text is turned into a tsvector", "name=fts(english).porto", [3]],
    ["JSON is too", "info=plfts(english).olav", [1]],
  ]),
  ...words([["JSON text in depth", "body=fts(english).ten", [3]]]),
];

// "Vertical Filtering", "Renaming Columns", "Casting Columns"
const columns: Row[] = [
  get("chosen columns", "/ports?select=name,id&id=eq.1", [{ name: "Bergen", id: 1 }]),
  get("a star is all columns", "/buoys?select=*&id=eq.1", [{ id: 1 }]),
  get("a star and more", "/buoys?select=*,again:id&id=eq.1", [{ id: 1, again: 1 }]),
  get("a renamed column", "/ports?select=portName:name&id=eq.1", [{ portName: "Bergen" }]),
  get("a column twice under two names", "/ports?select=a:name,b:name&id=eq.1", [
    { a: "Bergen", b: "Bergen" },
  ]),
  get("a cast", "/ports?select=id::text,depth_m::int&id=eq.3", [{ id: "3", depth_m: 13 }]),
  get("a cast of a renamed column", "/ports?select=d:depth_m::text&id=eq.1", [{ d: "22.5" }]),
  get("a cast of JSON text", "/ports?select=n:info->>cranes::int&id=eq.2", [{ n: 10 }]),
  get("a cast to a type of two words", "/ports?select=depth_m::double%20precision&id=eq.1", [
    { depth_m: 22.5 },
  ]),
  get("spaces around names do not count", "/ports?select=%20id%20,%20name%20&id=eq.1", [
    { id: 1, name: "Bergen" },
  ]),
  get("an empty select means every column", "/buoys?select=", [{ id: 1 }, { id: 2 }]),
  get("a filter by a column that is not selected", "/ports?select=name&depth_m=gt.20", [
    { name: "Bergen" },
  ]),
  fails(
    "an unknown column",
    "GET /ports?select=nme",
    400,
    fault({
      code: "42703",
      message: "column ports.nme does not exist",
      hint: 'Perhaps you meant to reference the column "ports.name".',
    }),
  ),
  fails(
    "a filter by an unknown column",
    "GET /ports?nothing_such=eq.1",
    400,
    fault({ code: "42703", message: "column ports.nothing_such does not exist" }),
  ),
  fails(
    "an unknown type in a cast",
    "GET /ports?select=id::nonsense",
    400,
    fault({ code: "42704", message: 'type "nonsense" does not exist' }),
  ),
  fails(
    "a value that is not of the column's type",
    "GET /ports?id=eq.one",
    400,
    fault({ code: "22P02", message: 'invalid input syntax for type integer: "one"' }),
  ),
  fails(
    "a value that is not of the enum",
    "GET /ships?kind=eq.raft",
    400,
    fault({ code: "22P02", message: 'invalid input value for enum ship_kind: "raft"' }),
  ),
  fails(
    "an operator that the type does not have",
    "GET /ports?id=like.1*",
    404,
    expect.objectContaining({ code: "42883" }),
  ),
];

// "JSON Columns"
const json: Row[] = [
  get("a member as text", "/ports?select=info->pilot->>name&id=eq.1", [{ name: "Olav" }]),
  get("a member as JSON", "/ports?select=info->pilot&id=eq.1", [
    { pilot: { name: "Olav", calls: [16, 12] } },
  ]),
  get("an element of an array", "/ports?select=info->pilot->calls->1&id=eq.1", [{ calls: 12 }]),
  get("an element from the end", "/ports?select=info->pilot->calls->-1&id=eq.1", [{ calls: 12 }]),
  get("an element as text", "/ports?select=info->pilot->calls->>0&id=eq.1", [{ calls: "16" }]),
  get("a renamed path", "/ports?select=first:info->pilot->calls->0&id=eq.2", [{ first: 14 }]),
  get("a path in a json column", "/ports?select=plan->a->b->1&id=eq.2", [{ b: 2 }]),
  get("a path that leads nowhere is null", "/ports?select=info->x->>y&id=eq.1", [{ y: null }]),
  get("a member whose name has a space", "/words?select=body->key%20with%20space&id=eq.2", [
    { "key with space": 1 },
  ]),
  get("a member whose name is quoted", '/words?select=n:body->"a.b"&id=eq.8', [{ n: 2 }]),
  get("a member whose name has an arrow", '/words?select=n:body->"arrow->key"&id=eq.8', [{ n: 1 }]),
  ...ports([
    ["a filter by text", "info->pilot->>name=eq.Rui", [2]],
    ["a filter by a number", "info->cranes=gt.3", [2, 3]],
    ["a filter by text is by text", "info->>cranes=gt.3", [3]],
    ["a filter by an element", "info->pilot->calls->0=eq.14", [2]],
    ["a filter by null", "info->>pilot=is.null", [3, 4, 5]],
    ["in of a path", "info->>cranes=in.(3,4)", [1, 3]],
    ["like of a path", "info->pilot->>name=like.O*", [1]],
    ["not of a path", "info->>cranes=not.eq.3", [2, 3]],
  ]),
  ...words([
    ["a filter by a member with a space", "body->>key%20with%20space=eq.1", [2]],
    ["a filter in depth", "body->deep->x->>y=eq.true", [1]],
    ["cs of JSON with an array", 'body=cs.{"list":[10]}', [1]],
    ["cs of a JSON array", 'body=cs.[{"a":"b"}]', [4]],
  ]),
  get(
    "order by a number inside",
    "/words?select=id&body->n=not.is.null&id=lt.4&order=body->n.desc",
    ids(3, 2, 1),
  ),
  get("order by text inside", "/words?select=id&id=lt.4&order=body->>s", ids(1, 3, 2)),
];

// "Composite / Array Columns"
const composite: Row[] = [
  get("a composite value", "/countries?select=code,location&code=eq.NO", [
    { code: "NO", location: { lat: 59.9, long: 10.7 } },
  ]),
  get("a field as text", "/countries?select=location->>lat,location->>long&code=eq.NO", [
    { lat: "59.900000", long: "10.700000" },
  ]),
  get("a field as JSON", "/countries?select=location->lat&code=eq.PT", [{ lat: 38.7 }]),
  get(
    "an element of an array column",
    "/countries?select=main:languages->0,languages->>1&code=eq.NO",
    [{ main: "no", languages: "nn" }],
  ),
  get("a filter by a field", "/countries?select=code&location->lat=gte.19&order=code", [
    { code: "NO" },
    { code: "PT" },
  ]),
  get("a filter by a field as text", "/countries?select=code&location->>lat=eq.38.700000", [
    { code: "PT" },
  ]),
  get("a filter by an element of an array column", "/countries?select=code&languages->>0=eq.pt", [
    { code: "PT" },
  ]),
  get("order by a field", "/countries?select=code&location=not.is.null&order=location->lat", [
    { code: "NZ" },
    { code: "PT" },
    { code: "NO" },
  ]),
  get("a field of an element of an array of composites", "/samples?select=pairs->1->>lat&id=eq.1", [
    { lat: "3.000000" },
  ]),
];

// "Ordering"
const ordering: Row[] = [
  get("ascending by default", "/buoys?order=id", ids(1, 2)),
  get("ascending", "/buoys?order=id.asc", ids(1, 2)),
  get("descending", "/buoys?order=id.desc", ids(2, 1)),
  get(
    "by two columns",
    "/ports?select=id&country_code=not.is.null&order=country_code.desc,depth_m",
    ids(3, 2, 1, 4),
  ),
  get("nulls come last going up", "/ports?select=id&order=depth_m", ids(4, 3, 2, 1, 5)),
  get("nulls come first going down", "/ports?select=id&order=depth_m.desc", ids(5, 1, 2, 3, 4)),
  get("nulls first", "/ports?select=id&order=depth_m.nullsfirst", ids(5, 4, 3, 2, 1)),
  get("nulls last", "/ports?select=id&order=depth_m.desc.nullslast", ids(1, 2, 3, 4, 5)),
  get(
    "ascending with nulls first",
    "/ports?select=id&order=depth_m.asc.nullsfirst&limit=2",
    ids(5, 4),
  ),
  get(
    "by a column that is not selected",
    "/ports?select=id&order=opened.desc&opened=not.is.null",
    ids(4, 3, 2, 1),
  ),
  get(
    "by a path in JSON",
    "/ports?select=id&order=info->cranes.desc&info=not.is.null",
    ids(2, 3, 1),
  ),
  get(
    "by a path with nulls",
    "/ports?select=id&order=info->pilot->>name.desc.nullslast,id",
    ids(2, 1, 3, 4, 5),
  ),
  fails(
    "by an unknown column",
    "GET /ports?order=nothing_such",
    400,
    fault({ code: "42703", message: "column ports.nothing_such does not exist" }),
  ),
];

// "Full-Text Search" and "Operators": what is not of the grammar
const malformed: Row[] = [
  invalid(
    "an empty logic tree",
    "/ports?or=()",
    '"failed to parse logic tree (())" (line 1, column 4)',
    'unexpected ")" expecting field name (* or [a..z0..9_$]), negation operator (not) or logic operator (and, or)',
  ),
  ...[
    ["parentheses the wrong way", "/ports?or=)("],
    ["in without parentheses", "/ports?or=(id.in.1,2,id.eq.3)"],
    ["an unknown logic operator", "/ports?or=(id.eq.1,not.xor(id.eq.2,id.eq.3))"],
    ["a logic tree that is not closed", "/ports?and=(id.eq.1"],
    ["an unknown operator", "/ports?id=equals.1"],
    ["a filter without an operator", "/ports?id=1"],
    ["a modifier of an operator that has none", "/ports?id=neq(any).{1}"],
    ["an unknown modifier", "/ports?id=eq(some).{1}"],
    ["is of a value that it does not know", "/ports?is_open=is.maybe"],
    ["an unknown direction", "/ports?order=id.up"],
    ["a select that is not closed", "/ports?select=id,voyages(id"],
    ["an alias without a column", "/ports?select=a:"],
    ["a cast without a type", "/ports?select=id::"],
    ["a path without a key", "/ports?select=info->"],
  ].map(([name = "", path = ""]) =>
    fails(name, `GET ${path}`, 400, expect.objectContaining({ code: "PGRST100" })),
  ),
];

// "Tables and Views": values as Postgres writes them in JSON
const values: Row[] = [
  get(
    "every digit of large numbers is kept",
    "/samples?select=big,exact&id=eq.1",
    raw('[{"big":9007199254740993,"exact":123456789012345678901234567890.123456789}]'),
    { range: "0-0/*" },
  ),
  ...(
    [
      ["double precision", "real_number", 0.1],
      ["boolean", "flag", true],
      ["bytea", "bytes", "\\x00ff10"],
      ["timestamp", "moment", "2001-02-03T04:05:06.789"],
      ["timestamp with time zone", "zone", "2001-02-03T02:05:06.789+00:00"],
      ["interval", "span", "1 day 02:03:04"],
      ["uuid", "uid", "01890000-0000-7000-8000-00000000000a"],
      ["inet", "ip", "10.1.2.3/24"],
      ["bit", "bits", "1010"],
      ["money", "cash", "$1,234.50"],
      [
        "array of arrays",
        "matrix",
        [
          [1, 2],
          [3, 4],
        ],
      ],
      ["xml", "document", '<a b="c">d</a>'],
      ["range", "period", '["2001-01-01 00:00:00+00","2001-01-02 00:00:00+00")'],
      [
        "array of composites",
        "pairs",
        [
          { lat: 1, long: 2 },
          { lat: 3, long: 4 },
        ],
      ],
      ["enum", "kind", "brig"],
    ] as const
  ).map(([type, column, value]) =>
    get(`${type} in JSON`, `/samples?select=${column}&id=eq.1`, [{ [column]: value }]),
  ),
  get("null of every type is null", "/samples?select=big,bytes,matrix,pair,kind&id=eq.2", [
    { big: null, bytes: null, matrix: null, pair: null, kind: null },
  ]),
];

export const rows: readonly Row[] = [
  ...reading,
  ...operators,
  ...logic,
  ...modifiers,
  ...textSearch,
  ...columns,
  ...json,
  ...composite,
  ...ordering,
  ...malformed,
  ...values,
];
