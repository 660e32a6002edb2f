/** references/api/tables_views, "Upsert", "On Conflict", "PUT". */
import { fails, fault, get, ids, OBJECT, post, put, type Row } from "./kit.ts";

const FULL = "return=representation";
const merge = (more = FULL) => `resolution=merge-duplicates, ${more}`;
const ignore = (more = FULL) => `resolution=ignore-duplicates, ${more}`;
const merging = { prefer: merge(), applied: merge() };
const ignoring = { prefer: ignore(), applied: ignore() };

const notTheKey = fault({
  code: "PGRST105",
  message: "Filters must include all and only primary key columns with 'eq' operators",
});
const noLimits = fault({
  code: "PGRST114",
  message: "limit/offset querystring parameters are not allowed for PUT",
});

// "Upsert"
const upserting: Row[] = [
  post(
    "merging writes new rows and changes old ones",
    "/berths?select=dock,no,ship",
    [
      { dock: "north", no: 1, ship: "Bela" },
      { dock: "west", no: 1, ship: "Caravela" },
    ],
    [
      { dock: "north", no: 1, ship: "Bela" },
      { dock: "west", no: 1, ship: "Caravela" },
    ],
    merging,
  ),
  post(
    "merging leaves columns that were not sent",
    "/berths",
    [{ dock: "north", no: 2, ship: "Drakkar" }],
    [{ dock: "north", no: 2, ship: "Drakkar", rent: 7 }],
    { ...merging, status: 200 },
  ),
  post("changes alone answer 200", "/berths", { dock: "north", no: 1, ship: "Bela" }, undefined, {
    prefer: "resolution=merge-duplicates",
    applied: "resolution=merge-duplicates",
    status: 200,
    after: get("the row has changed", "/berths?select=ship&dock=eq.north&no=eq.1", [
      { ship: "Bela" },
    ]),
  }),
  post("a new row answers 201", "/berths", { dock: "east", no: 1 }, undefined, {
    prefer: "resolution=merge-duplicates",
    applied: "resolution=merge-duplicates",
  }),
  post("an empty array answers 200", "/berths", [], [], { ...merging, status: 200 }),
  post("a table of keys alone is merged", "/buoys", ids(1, 2, 4), ids(1, 2, 4), merging),
  post(
    "a partitioned table is merged",
    "/readings",
    [
      { station: "s1", year: 1, value: 99 },
      { station: "s9", year: 2, value: 1 },
    ],
    [
      { station: "s1", year: 1, value: 99 },
      { station: "s9", year: 2, value: 1 },
    ],
    merging,
  ),
  post(
    "a table without a key ignores the resolution",
    "/scraps",
    [{ a: "x", b: "one" }],
    [{ a: "x", b: "one" }],
    { prefer: merge(), applied: FULL },
  ),
  post(
    "a generated key with missing=default",
    "/crates?columns=id,label&select=label,weight",
    [{ id: 1, label: "green tea" }, { label: "new" }],
    [
      { label: "green tea", weight: 5 },
      { label: "new", weight: 10 },
    ],
    {
      prefer: "resolution=merge-duplicates, missing=default, return=representation",
      applied: "resolution=merge-duplicates, missing=default, return=representation",
    },
  ),
  post(
    "ignoring keeps the old rows",
    "/berths?select=dock,no,ship",
    [
      { dock: "north", no: 1, ship: "Bela" },
      { dock: "west", no: 1, ship: "Caravela" },
    ],
    [{ dock: "west", no: 1, ship: "Caravela" }],
    {
      ...ignoring,
      after: get("the old row is as it was", "/berths?select=ship&dock=eq.north&no=eq.1", [
        { ship: "Aurora" },
      ]),
    },
  ),
  post("ignoring all rows answers 201 and none", "/buoys", ids(1, 2), [], ignoring),
  post("ignoring without a representation", "/buoys", ids(1, 9), undefined, {
    prefer: "resolution=ignore-duplicates",
    applied: "resolution=ignore-duplicates",
    after: get("one was new", "/buoys?order=id", ids(1, 2, 9)),
  }),
  post("ignoring in a table of keys alone", "/buoys", ids(1, 2, 3), ids(3), ignoring),
];

const views: Row[] = [
  post(
    "a view is merged by the key of its table",
    "/crate_labels?select=id,label",
    [
      { id: 1, label: "green tea" },
      { id: 8, label: "new" },
    ],
    [
      { id: 1, label: "green tea" },
      { id: 8, label: "new" },
    ],
    merging,
  ),
];

// "On Conflict"
const onConflict: Row[] = [
  post(
    "a unique column",
    "/boxes?on_conflict=code&select=id,width,code",
    [{ width: 9, height: 9, code: "AB" }],
    [{ id: 1, width: 9, code: "AB" }],
    { ...merging, status: 200 },
  ),
  post(
    "two unique columns",
    "/tickets?on_conflict=holder,class&select=holder,class",
    [
      { holder: "Ana", class: "deck" },
      { holder: "Ana", class: "cabin" },
    ],
    [
      { holder: "Ana", class: "deck" },
      { holder: "Ana", class: "cabin" },
    ],
    merging,
  ),
  post(
    "ignoring by a unique column",
    "/boxes?on_conflict=code&select=code",
    [
      { width: 9, height: 9, code: "AB" },
      { width: 9, height: 9, code: "EF" },
    ],
    [{ code: "EF" }],
    ignoring,
  ),
  fails(
    "columns without a unique key",
    "POST /crates?on_conflict=label",
    400,
    fault({
      code: "42P10",
      message: "there is no unique or exclusion constraint matching the ON CONFLICT specification",
    }),
    { sent: { label: "tea" }, prefer: "resolution=merge-duplicates" },
  ),
  fails(
    "a conflict of another key",
    "POST /boxes?on_conflict=id",
    400,
    fault({
      code: "428C9",
      message: 'cannot insert a non-DEFAULT value into column "id"',
      details: 'Column "id" is an identity column defined as GENERATED ALWAYS.',
      hint: "Use OVERRIDING SYSTEM VALUE to override.",
    }),
    { sent: { id: 1, width: 1, height: 1 }, prefer: "resolution=merge-duplicates" },
  ),
  fails(
    "on_conflict without a resolution inserts",
    "POST /tickets?on_conflict=holder,class",
    409,
    fault({
      code: "23505",
      message: 'duplicate key value violates unique constraint "tickets_holder_class_key"',
      details: "Key (holder, class)=(Ana, deck) already exists.",
    }),
    { sent: { holder: "Ana", class: "deck" } },
  ),
];

// "PUT"
const putting: Row[] = [
  put(
    "a new row",
    "/berths?dock=eq.west&no=eq.4",
    { dock: "west", no: 4, ship: "Bela", rent: 1 },
    [{ dock: "west", no: 4, ship: "Bela", rent: 1 }],
    { prefer: FULL, applied: FULL, status: 201 },
  ),
  put(
    "an old row",
    "/berths?dock=eq.north&no=eq.1",
    { dock: "north", no: 1, ship: "Bela", rent: 1 },
    [{ dock: "north", no: 1, ship: "Bela", rent: 1 }],
    { prefer: FULL, applied: FULL },
  ),
  put(
    "without a representation",
    "/berths?dock=eq.north&no=eq.1",
    { dock: "north", no: 1, ship: "Bela", rent: 1 },
    undefined,
    {
      after: get("the row has changed", "/berths?dock=eq.north&no=eq.1", [
        { dock: "north", no: 1, ship: "Bela", rent: 1 },
      ]),
    },
  ),
  put("return=minimal", "/buoys?id=eq.1", { id: 1 }, undefined, {
    prefer: "return=minimal",
    applied: "return=minimal",
  }),
  put("an array of one", "/buoys?id=eq.9", ids(9), ids(9), { prefer: FULL, status: 201 }),
  put(
    "of an array the first",
    "/buoys?id=eq.9",
    ids(9, 10),
    { id: 9 },
    {
      prefer: FULL,
      accept: OBJECT,
      status: 201,
      answer: { "content-type": `${OBJECT}; charset=utf-8` },
      after: get("the second was left out", "/buoys?order=id", ids(1, 2, 9)),
    },
  ),
  put(
    "a partitioned table",
    "/readings?station=eq.s7&year=eq.1",
    { station: "s7", year: 1, value: 0 },
    [{ station: "s7", year: 1, value: 0 }],
    { prefer: FULL, status: 201 },
  ),
  put(
    "select of the representation",
    "/berths?dock=eq.w&no=eq.1&select=ship",
    { dock: "w", no: 1, ship: "X", rent: 1 },
    [{ ship: "X" }],
    { prefer: FULL, status: 201 },
  ),
  put("Range does not count", "/buoys?id=eq.1", { id: 1 }, ids(1), {
    prefer: FULL,
    headers: { range: "1-1" },
  }),
  fails("a filter by another column", "PUT /berths?ship=eq.Bela", 405, notTheKey, {
    sent: { dock: "w", no: 1, ship: "Bela", rent: 1 },
  }),
  fails("a part of the key", "PUT /berths?dock=eq.north", 405, notTheKey, {
    sent: { dock: "north", no: 1, ship: "Bela", rent: 1 },
  }),
  fails("the key and more", "PUT /berths?dock=eq.north&no=eq.1&rent=eq.5", 405, notTheKey, {
    sent: { dock: "north", no: 1, ship: "Bela", rent: 1 },
  }),
  fails("another operator", "PUT /buoys?id=in.(1)", 405, notTheKey, { sent: { id: 1 } }),
  fails("a negated operator", "PUT /buoys?id=not.eq.1", 405, notTheKey, { sent: { id: 1 } }),
  fails("a logic tree", "PUT /buoys?and=(id.eq.1)", 405, notTheKey, { sent: { id: 1 } }),
  fails("no filter", "PUT /buoys", 405, notTheKey, { sent: { id: 1 } }),
  fails("a table without a key", "PUT /scraps?a=eq.x&b=eq.one", 405, notTheKey, {
    sent: { a: "x", b: "one" },
  }),
  fails("a limit", "PUT /buoys?id=eq.1&limit=1", 400, noLimits, { sent: { id: 1 } }),
  fails("an offset", "PUT /buoys?id=eq.1&offset=1", 400, noLimits, { sent: { id: 1 } }),
  fails(
    "another key in the body",
    "PUT /buoys?id=eq.9",
    400,
    fault({
      code: "PGRST115",
      message: "Payload values do not match URL in primary key column(s)",
    }),
    { sent: { id: 8 }, after: get("nothing was written", "/buoys?order=id", ids(1, 2)) },
  ),
];

export const rows: readonly Row[] = [...upserting, ...views, ...onConflict, ...putting];
