/**
 * Hostile text in every place of a request where a client may write, sent through the whole capability
 * up to the database, where a trap keeps the statement instead of running it. The text may be refused,
 * or be bound, or stand in quotes: the tree that Postgres would parse never changes with it.
 *
 * What a client may write without quotes (a cast, an operator, a direction) chooses from a closed
 * grammar, so there every bare word of the statement must be one that harmless requests make, too.
 */
import fc from "fast-check";
import { sqlSkeleton } from "../../../../src/capabilities/data/compile/sql-skeleton.fixture.ts";
import type { UserQuery, UserResult } from "../../../../src/core/ports/database.ts";
import { DEFAULT_TENANT } from "../../../../src/core/tenant.ts";
import { type Asking, type DataWorld, openDataWorld } from "../../../data/data-world.ts";

export const hostileText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 40 }),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.constantFrom(
    "'; drop table notes; --",
    '"; drop table notes; --',
    "\\'; select 1 --",
    "$1",
    "$$x$$",
    "a'||'b",
    'a""b',
    "*/ /*",
    "\u0000",
    "E'\\'",
    'U&"\\0022"',
    "\\",
    "'",
    '"',
    "''",
    '""',
    "\u2028",
    "＂",
    "id) from pg_authid --",
    "::text",
    "->>'a'",
    "a,b",
    "a=1&b",
    "pg_sleep(10)",
    '{"a": "b\\"}',
    "1; reset role; --",
    "{1,2}",
    "(1,2)",
    "x".repeat(2_000),
  ),
);

interface Sent extends Asking {
  readonly path: string;
}

/** `same`: the statement's tree is that of the harmless text. `closed`: its bare words are known ones. */
export interface Position {
  readonly name: string;
  readonly rule: "same" | "closed";
  build(text: string): Sent;
}

const encoded = (text: string) => encodeURIComponent(text.toWellFormed());
const quoted = (text: string) => encoded(`"${text.replace(/[\\"]/g, "\\$&")}"`);
/** What a header can hold at all: anything else is refused by whoever sends it. */
const header = (text: string) => text.replace(/[^\u0020-\u007e\u00a0-\u00ff]/g, "").trim();

const get = (path: string, headers: Record<string, string> = {}): Sent => ({ path, headers });
const post = (path: string, body: unknown, headers: Record<string, string> = {}): Sent => ({
  path,
  method: "POST",
  body,
  headers,
});

const closed = (name: string, build: (text: string) => Sent): Position => ({
  name,
  rule: "closed",
  build,
});
const same = (name: string, build: (text: string) => Sent): Position => ({
  name,
  rule: "same",
  build,
});

const FORM = { "content-type": "application/x-www-form-urlencoded" };
const MERGE = { prefer: "resolution=merge-duplicates" };

export const positions: readonly Position[] = [
  closed("the table", (t) => get(`/${encoded(t)}?select=id`)),
  closed("the function", (t) => get(`/rpc/${encoded(t)}`)),
  same("a quoted column", (t) => get(`/artists?select=id,${quoted(t)}`)),
  closed("a column", (t) => get(`/artists?select=id,${encoded(t)}`)),
  same("a quoted alias", (t) => get(`/artists?select=${quoted(t)}:id`)),
  closed("an alias", (t) => get(`/artists?select=${encoded(t)}:id`)),
  same("a quoted key of a path", (t) => get(`/artists?select=x:data->${quoted(t)}`)),
  closed("a key of a path", (t) => get(`/artists?select=x:data->${encoded(t)}`)),
  same("a key of a path in a filter", (t) => get(`/artists?data->>${quoted(t)}=eq.1`)),
  same("a key of a path in the order", (t) => get(`/artists?order=data->>${quoted(t)}`)),
  closed("a cast", (t) => get(`/artists?select=id::${encoded(t)}`)),
  closed("an operator", (t) => get(`/artists?id=${encoded(t)}.1`)),
  closed("a modifier", (t) => get(`/artists?id=eq(${encoded(t)}).1`)),
  closed("a language", (t) => get(`/artists?name=fts(${encoded(t)}).a`)),
  closed("a value of is", (t) => get(`/artists?id=is.${encoded(t)}`)),
  same("a value", (t) => get(`/artists?name=eq.${encoded(t)}`)),
  same("a pattern", (t) => get(`/artists?name=like.${encoded(t)}`)),
  same("a value in a list", (t) => get(`/artists?name=in.(a,${quoted(t)})`)),
  same("a value in a tree", (t) => get(`/artists?or=(name.eq.${quoted(t)},id.eq.1)`)),
  closed("a tree", (t) => get(`/artists?or=(${encoded(t)})`)),
  closed("a whole filter", (t) => get(`/artists?${encoded(t)}=${encoded(t)}`)),
  same("a quoted column in the order", (t) => get(`/artists?order=${quoted(t)}.desc`)),
  closed("a direction", (t) => get(`/artists?order=id.${encoded(t)}`)),
  closed("an order", (t) => get(`/artists?order=${encoded(t)}`)),
  closed("a related order", (t) => get(`/albums?select=artists()&order=artists(${encoded(t)})`)),
  closed("an embedded resource", (t) => get(`/artists?select=id,${encoded(t)}(id)`)),
  closed("a hint", (t) => get(`/artists?select=id,albums!${encoded(t)}(id)`)),
  closed("a limit", (t) => get(`/artists?limit=${encoded(t)}&offset=${encoded(t)}`)),
  closed("on_conflict", (t) => post(`/notes?on_conflict=${encoded(t)}`, { slug: "a" }, MERGE)),
  closed("a quoted on_conflict", (t) =>
    post(`/notes?on_conflict=${quoted(t)}`, { slug: "a" }, MERGE),
  ),
  closed("columns", (t) => post(`/notes?columns=${encoded(t)}`, { slug: "a" })),
  closed("a key of the body", (t) => post("/notes", { slug: "a", [t]: 1 })),
  same("a value of the body", (t) => post("/notes", { slug: t })),
  closed("a key of a form", (t) => post("/notes", `slug=a&${encoded(t)}=1`, FORM)),
  same("a value of a form", (t) => post("/notes", `slug=${encoded(t)}`, FORM)),
  closed("a heading of CSV", (t) =>
    post("/notes", `slug,${t}\na,b`, { "content-type": "text/csv" }),
  ),
  closed("a body that is no JSON", (t) =>
    post("/notes", t, { "content-type": "application/json" }),
  ),
  closed("what is answered of a write", (t) =>
    post(`/notes?select=${encoded(t)}`, { slug: "a" }, { prefer: "return=representation" }),
  ),
  closed("the filter of an update", (t) => ({
    ...post(`/notes?${encoded(t)}=eq.1`, { slug: "a" }),
    method: "PATCH",
  })),
  same("the value of an update's filter", (t) => ({
    ...post(`/notes?slug=eq.${encoded(t)}`, { slug: "a" }),
    method: "PATCH",
  })),
  same("the value of a deletion's filter", (t) => ({
    path: `/notes?slug=eq.${encoded(t)}`,
    method: "DELETE",
  })),
  closed("an argument's name", (t) => get(`/rpc/add_up?a=1&${encoded(t)}=2`)),
  same("an argument", (t) => get(`/rpc/search_albums?term=${encoded(t)}`)),
  same("a repeated argument", (t) => get(`/rpc/join_words?words=a&words=${encoded(t)}`)),
  closed("an argument's name in the body", (t) => post("/rpc/add_up", { a: 1, [t]: 2 })),
  same("an argument in the body", (t) => post("/rpc/search_albums", { term: t })),
  same("the one argument that is the body", (t) => post("/rpc/echo", { [t]: t })),
  closed("the Prefer header", (t) => get("/artists?select=id", { prefer: header(t) })),
  closed("a preference", (t) => get("/artists?select=id", { prefer: `count=${header(t)}` })),
  same("a time zone", (t) => get("/artists?select=id", { prefer: `timezone=${header(t)}` })),
  closed("the Range header", (t) => get("/artists?select=id", { range: header(t) })),
  closed("the Accept header", (t) => get("/artists?select=id", { accept: header(t) })),
  closed("options of a plan", (t) =>
    get("/artists?select=id", { accept: `application/vnd.pgrst.plan; options=${header(t)}` }),
  ),
  closed("the Accept-Profile header", (t) =>
    get("/artists?select=id", { "accept-profile": header(t) }),
  ),
  closed("the Content-Profile header", (t) =>
    post("/notes", { slug: "a" }, { "content-profile": header(t) }),
  ),
  same("a cookie", (t) => get("/artists?select=id", { cookie: header(t) })),
  same("a header of its own", (t) => get("/artists?select=id", { "x-any": header(t) })),
];

/** Requests that use the whole grammar: their bare words are the vocabulary. */
const HARMLESS: readonly Sent[] = [
  get("/"),
  ..."fts plfts phfts wfts".split(" ").map((op) => get(`/artists?name=${op}(english).a`)),
  post("/notes", "[]", { "content-type": "application/json" }),
  post("/notes", "[{}]", { "content-type": "application/json" }),
  ..."eq neq gt gte lt lte like ilike match imatch isdistinct cs cd ov sl sr nxr nxl adj fts plfts phfts wfts"
    .split(" ")
    .flatMap((op) => [get(`/artists?name=${op}.1`), get(`/artists?name=not.${op}.1&data=${op}.1`)]),
  ..."eq gt gte lt lte like ilike match imatch"
    .split(" ")
    .flatMap((op) => [get(`/artists?name=${op}(any).{1}`), get(`/artists?name=${op}(all).{1}`)]),
  ..."null not_null true false unknown".split(" ").map((value) => get(`/artists?id=is.${value}`)),
  ...[
    "bigint,bit,bit varying,boolean,char,char varying,character,character varying,dec,decimal",
    "double precision,float,int,integer,national char,national char varying,national character",
    "national character varying,nchar,nchar varying,real,smallint,time with time zone",
    "time without time zone,timestamp with time zone,timestamp without time zone",
    "interval year,interval month,interval day,interval hour,interval minute,interval second",
    "interval year to month,interval day to hour,interval day to minute,interval day to second",
    "interval hour to minute,interval hour to second,interval minute to second",
  ]
    .flatMap((list) => list.split(","))
    .map((type) => get(`/artists?select=id::${encodeURIComponent(type)}`)),
  ..."asc desc asc.nullsfirst asc.nullslast desc.nullsfirst desc.nullslast nullsfirst nullslast"
    .split(" ")
    .flatMap((way) => [
      get(`/artists?order=id.${way}`),
      get(`/artists?order=data->a.${way}`),
      get(`/albums?select=artists(id)&order=artists(id).${way}`),
    ]),
  ..."count sum avg min max".split(" ").map((name) => get(`/artists?select=id.${name}(),name`)),
  get(
    "/artists?select=count(),count,*,x:data->a->>b,tags->0&or=(id.eq.1,not.and(id.in.(1,2),id.in.()))",
  ),
  get(
    "/artists?select=id,albums(*),a:albums!inner(id,count())&limit=1&offset=1&albums.limit=1&albums.offset=1",
  ),
  get("/albums?select=id,artists!left(*),...artists(name)&artists=not.is.null&order=artists(name)"),
  get("/artists?select=...albums(id,title)&albums=is.null"),
  get("/albums?select=full_title,genres(*),...genres(name)&full_title=eq.a"),
  get("/artists", { prefer: "count=exact, timezone=Asia/Tokyo" }),
  get("/artists", { prefer: "count=planned", range: "1-2" }),
  get("/artists", { prefer: "count=estimated, handling=strict, max-affected=1" }),
  ...[
    "text/csv",
    "application/vnd.pgrst.object+json",
    "application/vnd.pgrst.array+json;nulls=stripped",
  ].map((accept) => get("/artists?select=id", { accept })),
  ...["analyze", "verbose", "settings", "buffers", "wal"].flatMap((option) => [
    get("/artists", { accept: `application/vnd.pgrst.plan+json; options=${option}` }),
    get("/artists", { accept: `application/vnd.pgrst.plan+text; options=${option}` }),
  ]),
  post("/notes", [{ slug: "a" }], {
    prefer: "return=representation, missing=default, count=exact",
  }),
  post("/notes", {}, { prefer: "return=headers-only" }),
  post("/notes?columns=slug,body&on_conflict=slug", { slug: "a" }, MERGE),
  post(
    "/notes?select=id",
    { slug: "a" },
    { prefer: "resolution=ignore-duplicates, return=representation" },
  ),
  {
    ...post("/notes?slug=eq.a", { body: "b" }, { prefer: "return=representation" }),
    method: "PATCH",
  },
  { ...post("/notes?id=eq.1", { body: "b" }), method: "PATCH" },
  {
    path: "/notes?slug=eq.a&select=id",
    method: "DELETE",
    headers: { prefer: "return=representation" },
  },
  get("/rpc/add_up?a=1&b=2"),
  get("/rpc/add_up?a=1"),
  get("/rpc/count_to?n=1"),
  get("/rpc/search_albums?term=a&select=id,artists(name)&id=eq.1&order=id&limit=1"),
  get("/rpc/join_words?words=a&words=b"),
  get("/rpc/smallest?values_of=1,2"),
  post("/rpc/echo", { a: 1 }),
  post("/rpc/do_nothing", {}),
  post("/rpc/take_note?select=id", { slug: "a" }),
  post("/rpc/either", { a: 1 }),
];

const EMPTY_ANSWER: UserResult = {
  columns: [],
  rows: [[Buffer.from("0"), Buffer.from("[]"), null, null, null, null, null]],
  after: [],
  tag: "SELECT 1",
};

export interface HostileTrap {
  /** @throws when the text got where it must not */
  check(position: Position, text: string): Promise<void>;
  close(): Promise<void>;
}

export async function openHostileTrap(): Promise<HostileTrap> {
  const world = await openDataWorld({
    require_rls: false,
    db_aggregates_enabled: true,
    db_plan_enabled: true,
  });
  await world.ask("/artists?limit=0");
  const caught: UserQuery[] = [];
  const { user } = world.databases.for(DEFAULT_TENANT);
  Object.assign(user, {
    query: (query: UserQuery) => {
      caught.push(query);
      return Promise.resolve(EMPTY_ANSWER);
    },
  });
  const send = async (sent: Sent) => {
    caught.length = 0;
    const { status } = await asked(world, sent);
    return { status, queries: [...caught] };
  };
  const known = new Set<string>();
  for (const sent of HARMLESS) {
    for (const query of (await send(sent)).queries)
      for (const word of wordsOf(query)) known.add(word);
  }
  const trees = new Map<string, string>();
  for (const position of positions) {
    if (position.rule === "same")
      trees.set(position.name, treesOf((await send(position.build("zzz"))).queries));
  }
  return {
    async check(position, text) {
      const { status, queries } = await send(position.build(text));
      if (status >= 500) throw new Error(`${status}`);
      if (queries.length === 0) return;
      for (const query of queries) checkRest(query);
      const tree = treesOf(queries);
      if (position.rule === "same" && tree !== trees.get(position.name))
        throw new Error(`another tree: ${tree}`);
      const strange = queries.flatMap(wordsOf).filter((word) => !known.has(word));
      if (strange.length > 0) throw new Error(`strange words ${strange.join(" ")} in ${tree}`);
    },
    close: () => world.close(),
  };
}

/** A request that cannot even be made is refused. */
async function asked(world: DataWorld, { path, ...asking }: Sent): Promise<{ status: number }> {
  try {
    return await world.ask(path, asking);
  } catch (error) {
    if (error instanceof TypeError) return { status: 400 };
    throw error;
  }
}

const treesOf = (queries: readonly UserQuery[]) =>
  queries.flatMap(statementsOf).map(sqlSkeleton).join("\n");

const statementsOf = ({ sql, after }: UserQuery) => (after ? [sql, after.sql] : [sql]);

/** Keywords, names that are not quoted, numbers, and the marks between. */
function wordsOf({ sql }: UserQuery): string[] {
  return sqlSkeleton(sql).match(/\$\d+|[\p{L}_][\p{L}\p{N}_$]*|\d+|[^\s\p{L}\p{N}_$]/gu) ?? [];
}

/** What goes with a statement: nothing of it may be the client's but the values of settings. */
function checkRest(query: UserQuery): void {
  const { role, settings, before } = query;
  if (statementsOf(query).some((sql) => sqlSkeleton(sql).includes(";")))
    throw new Error("two statements");
  if (role !== "anon") throw new Error(`role ${role}`);
  if ((before ?? []).length > 0) throw new Error("statements before");
  const names = settings.map(([name]) => name);
  const strange = names.filter((name) => !/^(search_path|timezone|request\.[a-z.]+)$/.test(name));
  if (strange.length > 0) throw new Error(`settings ${strange.join(" ")}`);
  const path = settings.find(([name]) => name === "search_path")?.[1];
  if (path !== '"public", "extensions"') throw new Error(`search path ${path}`);
}

/** Runs one position with so many texts. @throws Error with the text that got through */
export async function checkPosition(
  trap: HostileTrap,
  position: Position,
  numRuns: number,
  seed: number,
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(hostileText, (text) => trap.check(position, text)),
    { numRuns, seed },
  );
}
