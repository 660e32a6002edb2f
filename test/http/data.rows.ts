/**
 * `/data/v1` over HTTP: what a row of the fixture project (test/fixtures/project) answers to whom.
 * Reading rows come first and change nothing; writing rows leave only notes with slugs of their own.
 */
import type { HttpRow } from "../support/rows.ts";

const JSON_TYPE = "application/json; charset=utf-8";
const OBJECT = "application/vnd.pgrst.object+json";

/** A PostgREST error body. */
function fault(
  code: string,
  message: string,
  details: string | null = null,
  hint: string | null = null,
) {
  return { code, message, details, hint };
}

function get(
  name: string,
  path: string,
  body: unknown,
  more: Partial<Omit<HttpRow, "expect">> & {
    status?: number;
    answer?: HttpRow["expect"]["headers"];
  } = {},
): HttpRow {
  const { status = 200, answer, ...rest } = more;
  return {
    name,
    method: "GET",
    path: `/data/v1${path}`,
    ...rest,
    expect: { status, body, ...(answer ? { headers: answer } : {}) },
  };
}

const ADA = {
  id: 1,
  name: "Ada",
  born: "1970-01-02",
  tags: ["jazz", "live"],
  data: { hits: [1, 2], label: { name: "Blue", since: 1939 } },
};

const shaping: HttpRow[] = [
  get("a table answers its rows as a JSON array", "/artists?id=eq.1", [ADA], {
    answer: {
      "content-type": JSON_TYPE,
      "content-range": "0-0/*",
      "cache-control": "no-store",
    },
  }),
  get(
    "the path of PostgREST clients is the same table",
    "/../../rest/v1/artists?id=eq.1&select=id",
    [{ id: 1 }],
    {
      path: "/rest/v1/artists?id=eq.1&select=id",
    },
  ),
  get("select chooses and renames columns", "/artists?select=name,year:born&id=eq.1", [
    { name: "Ada", year: "1970-01-02" },
  ]),
  get("select casts", "/albums?select=id::text,price::int&id=eq.10", [{ id: "10", price: 10 }]),
  get(
    "select follows JSON paths",
    "/artists?select=data->label->>name,data->hits->1,since:data->label->since&id=eq.1",
    [{ name: "Blue", hits: 2, since: 1939 }],
  ),
  get("select indexes arrays", "/artists?select=tags->0&id=eq.1", [{ tags: "jazz" }]),
  get("an empty select means every column", "/genres?select=&id=eq.1", [{ id: 1, name: "jazz" }]),
  get("a computed column is selected by name", "/albums?select=full_title&id=eq.10", [
    { full_title: "First (10)" },
  ]),
  get("numbers keep every digit as text", "/notes?select=big::text,exact::text&id=eq.1002", [
    { big: "9007199254740993", exact: "0.1234567890123456789" },
  ]),
  get(
    "quoted names hold quotes, dots, stars and emoji",
    `/${encodeURIComponent('Odd "Names" 💿')}?select="*","per.iod","se\\"lect","the id"&"per.iod"=eq.b`,
    [{ "*": "c", "per.iod": "b", 'se"lect': "a", "the id": 1 }],
  ),
  get(
    "CSV is answered when asked for",
    "/artists?select=id,name,tags&id=lt.3&order=id",
    'id,name,tags\n1,Ada,"{jazz,live}"\n2,Björk,{pop}',
    {
      headers: { accept: "text/csv" },
      answer: { "content-type": "text/csv; charset=utf-8" },
    },
  ),
  get(
    "one row is answered as an object",
    "/artists?select=id&id=eq.1",
    { id: 1 },
    {
      headers: { accept: OBJECT },
      answer: { "content-type": `${OBJECT}; charset=utf-8` },
    },
  ),
  get(
    "an object of several rows is refused",
    "/artists",
    fault(
      "PGRST116",
      "Cannot coerce the result to a single JSON object",
      "The result contains 4 rows",
    ),
    { headers: { accept: OBJECT }, status: 406 },
  ),
  get(
    "an object of no rows is refused",
    "/artists?id=eq.99",
    fault(
      "PGRST116",
      "Cannot coerce the result to a single JSON object",
      "The result contains 0 rows",
    ),
    { headers: { accept: OBJECT }, status: 406 },
  ),
  get(
    "a media type that tables cannot give is refused",
    "/artists",
    fault("PGRST107", "None of these media types are available: image/png"),
    { headers: { accept: "image/png" }, status: 406 },
  ),
  get("the best acceptable media type is chosen", "/artists?select=id&id=eq.1", [{ id: 1 }], {
    headers: { accept: "image/png, text/csv;q=0.5, application/json;q=0.9" },
    answer: { "content-type": JSON_TYPE },
  }),
];

/** Filter to the ids of the artists it leaves. */
const artistFilters: [filter: string, ids: number[]][] = [
  ["id=eq.2", [2]],
  ["id=neq.2", [1, 3, 4]],
  ["id=gt.2", [3, 4]],
  ["id=gte.2", [2, 3, 4]],
  ["id=lt.2", [1]],
  ["id=lte.2", [1, 2]],
  ["id=in.(1,3)", [1, 3]],
  ["id=in.()", []],
  ["id=not.in.(1,3)", [2, 4]],
  ['name=in.("Ada","Nobody")', [1, 4]],
  ["id=eq(any).{1,2}", [1, 2]],
  ["name=like(all).{*a,A*}", [1]],
  ["name=like.*a*", [1, 3]],
  ["name=ilike.*A*", [1, 3]],
  ["name=match.^[AB]", [1, 2]],
  ["name=imatch.^b", [2]],
  ["born=is.null", [3, 4]],
  ["born=not.is.null", [1, 2]],
  ["born=is.not_null", [1, 2]],
  ["born=isdistinct.1970-01-02", [2, 3, 4]],
  ["born=not.isdistinct.1970-01-02", [1]],
  ["born=gte.1965-01-01&born=lt.1970-01-01", [2]],
  ["tags=cs.{jazz}", [1, 3]],
  ["tags=cd.{jazz,pop}", [2, 3, 4]],
  ["tags=ov.{live,pop}", [1, 2]],
  ["tags=eq.{}", [4]],
  ["data->label->>name=eq.Blue", [1]],
  ["data->label->since=gt.1900", [1]],
  ['data=cs.{"label":{"name":"Blue"}}', [1]],
  ["or=(id.eq.1,name.eq.Nobody)", [1, 4]],
  ["and=(id.gt.1,or(name.like.B*,name.like.N*))", [2, 4]],
  ["not.or=(id.eq.1,id.eq.2)", [3, 4]],
  ['or=(name.eq."Ada",id.in.(3,4))', [1, 3, 4]],
  ["or=(tags.cs.{live},id.eq.4)", [1, 4]],
  ["name=eq.Bj%C3%B6rk", [2]],
  ["name=fts(simple).ada", [1]],
  ["name=plfts(simple).ada", [1]],
  ["name=phfts(simple).ada", [1]],
  ["name=wfts(simple).ada%20or%20nobody", [1, 4]],
  ["name=not.fts(simple).ada", [2, 3, 4]],
];
const rangeFilters: [filter: string, ids: number[]][] = [
  ["span=ov.[1,4)", [10, 12]],
  ["span=sl.[5,9)", [10, 12]],
  ["span=sr.[1,5)", [11]],
  ["span=nxr.[3,5)", [10, 12]],
  ["span=nxl.[3,4)", [11, 12]],
  ["span=adj.[5,9)", [10]],
  ["price=is.null", [13]],
  ["price=gt.8.25", [10, 11]],
];
const filtering: HttpRow[] = [
  ...artistFilters.map(([f, ids]) =>
    get(
      `?${f} leaves its rows`,
      `/artists?select=id&order=id&${f}`,
      ids.map((id) => ({ id })),
    ),
  ),
  ...rangeFilters.map(([f, ids]) =>
    get(
      `?${f} leaves its albums`,
      `/albums?select=id&order=id&${f}`,
      ids.map((id) => ({ id })),
    ),
  ),
  get("is.true filters a boolean", "/notes?select=slug&shared=is.true&id=eq.1002", [
    { slug: "stranger-shared" },
  ]),
];

const ordering: HttpRow[] = [
  get("order sorts downwards", "/artists?select=id&order=id.desc", [
    { id: 4 },
    { id: 3 },
    { id: 2 },
    { id: 1 },
  ]),
  get("order puts nulls first", "/artists?select=id&order=born.nullsfirst,id&limit=3", [
    { id: 3 },
    { id: 4 },
    { id: 2 },
  ]),
  get("order puts nulls last", "/artists?select=id&order=born.desc.nullslast,id&limit=3", [
    { id: 1 },
    { id: 2 },
    { id: 3 },
  ]),
  get(
    "order follows a JSON path",
    "/artists?select=id&order=data->label->>name.desc.nullslast,id&limit=2",
    [{ id: 2 }, { id: 1 }],
  ),
  get(
    "order follows a related row",
    "/albums?select=id,artists()&order=artists(name).desc,id&limit=2",
    [{ id: 13 }, { id: 12 }],
  ),
  get(
    "limit and offset cut a page",
    "/artists?select=id&order=id&limit=2&offset=1",
    [{ id: 2 }, { id: 3 }],
    { answer: { "content-range": "1-2/*" } },
  ),
  get("limit=0 answers no rows", "/artists?limit=0", [], { answer: { "content-range": "*/*" } }),
  get("a Range header cuts a page", "/artists?select=id&order=id", [{ id: 2 }, { id: 3 }], {
    headers: { range: "1-2", "range-unit": "items" },
    answer: { "content-range": "1-2/*" },
  }),
  get("an open Range header begins there", "/artists?select=id&order=id", [{ id: 4 }], {
    headers: { range: "3-" },
    answer: { "content-range": "3-3/*" },
  }),
  get("an exact count of a part is 206", "/artists?select=id&order=id&limit=1", [{ id: 1 }], {
    headers: { prefer: "count=exact" },
    status: 206,
    answer: { "content-range": "0-0/4", "preference-applied": "count=exact" },
  }),
  get("an exact count of everything is 200", "/artists?select=id&id=lt.2", [{ id: 1 }], {
    headers: { prefer: "count=exact" },
    answer: { "content-range": "0-0/1" },
  }),
  get("an exact count of nothing is 200", "/artists?id=eq.99", [], {
    headers: { prefer: "count=exact" },
    answer: { "content-range": "*/0" },
  }),
  get(
    "an exact count follows inner joins",
    "/artists?select=id,albums!inner()&albums.title=eq.Debut",
    [{ id: 2 }],
    { headers: { prefer: "count=exact" }, answer: { "content-range": "0-0/1" } },
  ),
  get(
    "an estimated count below max_rows is exact",
    "/artists?select=id&id=lt.3&order=id",
    [{ id: 1 }, { id: 2 }],
    { headers: { prefer: "count=estimated" }, answer: { "content-range": "0-1/2" } },
  ),
  get("a planned count comes from the planner", "/artists?select=id&id=eq.1", [{ id: 1 }], {
    headers: { prefer: "count=planned" },
    answer: { "content-range": /^0-0\/\d+$/, "preference-applied": "count=planned" },
  }),
  get(
    "an offset beyond the end is 416",
    "/artists?offset=5",
    fault(
      "PGRST103",
      "Requested range not satisfiable",
      "An offset of 5 was requested, but there are only 4 rows.",
    ),
    { headers: { prefer: "count=exact" }, status: 416, answer: { "content-range": "*/4" } },
  ),
  get(
    "a Range header that runs backwards is 416",
    "/artists",
    fault(
      "PGRST103",
      "Requested range not satisfiable",
      "The lower boundary must be lower than or equal to the upper boundary in the Range header.",
    ),
    { headers: { range: "3-1" }, status: 416 },
  ),
  get(
    "a negative limit is 416",
    "/artists?limit=-1",
    fault(
      "PGRST103",
      "Requested range not satisfiable",
      "Limit should be greater than or equal to zero.",
    ),
    { status: 416 },
  ),
  get(
    "a negative offset is Postgres's error",
    "/artists?offset=-1",
    fault("2201X", "OFFSET must not be negative"),
    { status: 400 },
  ),
  {
    name: "HEAD answers the headers of GET",
    method: "HEAD",
    path: "/data/v1/artists?id=gt.1",
    headers: { prefer: "count=exact" },
    expect: { status: 200, headers: { "content-range": "0-2/3", "content-type": JSON_TYPE } },
  },
];

const embedding: HttpRow[] = [
  get("the one side is embedded as an object", "/albums?select=title,artists(name)&id=eq.10", [
    { title: "First", artists: { name: "Ada" } },
  ]),
  get("the many side is embedded as a list", "/artists?select=name,albums(title)&id=eq.1", [
    { name: "Ada", albums: [{ title: "First" }, { title: "Second" }] },
  ]),
  get("nobody's list is empty and a missing one is null", "/artists?select=albums(title)&id=eq.4", [
    { albums: [] },
  ]),
  get(
    "a one-to-one key embeds an object from both ends",
    "/albums?select=id,covers(url)&id=in.(10,11)&order=id",
    [
      { id: 10, covers: { url: "/covers/10.png" } },
      { id: 11, covers: null },
    ],
  ),
  get("a one-to-one key embeds its parent", "/covers?select=albums(title)&album_id=eq.12", [
    { albums: { title: "Debut" } },
  ]),
  get("many-to-many goes through the junction", "/albums?select=title,genres(name)&id=eq.12", [
    { title: "Debut", genres: [{ name: "pop" }] },
  ]),
  get("embedding nests", "/artists?select=name,albums(title,covers(url))&id=eq.2", [
    { name: "Björk", albums: [{ title: "Debut", covers: { url: "/covers/12.png" } }] },
  ]),
  get("an alias names the embedded resource", "/albums?select=by:artists(name)&id=eq.10", [
    { by: { name: "Ada" } },
  ]),
  get("a foreign key column names its target", "/albums?select=artist_id(name)&id=eq.10", [
    { artist_id: { name: "Ada" } },
  ]),
  get(
    "a hint by column chooses among several keys",
    "/transfers?select=f:artists!from_artist(name),t:artists!to_artist(name)&id=eq.1",
    [{ f: { name: "Ada" }, t: { name: "Björk" } }],
  ),
  get(
    "a hint by constraint chooses among several keys",
    "/transfers?select=artists!transfers_to_artist_fkey(name)&id=eq.1",
    [{ artists: { name: "Björk" } }],
  ),
  get(
    "a table embeds itself downwards and upwards",
    "/employees?select=name,employees(name),boss:boss_id(name)&id=eq.2",
    [{ name: "Ann", employees: [{ name: "Cid" }], boss: { name: "Root" } }],
  ),
  get(
    "!inner drops rows without a match",
    "/artists?select=name,albums!inner(title)&albums.title=eq.Debut",
    [{ name: "Björk", albums: [{ title: "Debut" }] }],
  ),
  get(
    "a filter on the embed keeps the row",
    "/artists?select=id,albums(title)&albums.title=eq.Debut&id=lt.3&order=id",
    [
      { id: 1, albums: [] },
      { id: 2, albums: [{ title: "Debut" }] },
    ],
  ),
  get(
    "order, limit and offset apply to the embed",
    "/artists?select=albums(title)&id=eq.1&albums.order=title.desc&albums.limit=1&albums.offset=1",
    [{ albums: [{ title: "First" }] }],
  ),
  get(
    "or applies to the embed",
    "/artists?select=albums(id)&id=eq.1&albums.or=(id.eq.10,id.eq.99)",
    [{ albums: [{ id: 10 }] }],
  ),
  get("an embed can be asked to be absent", "/artists?select=id,albums()&albums=is.null", [
    { id: 4 },
  ]),
  get(
    "two ways without a hint are 300 with both named",
    "/transfers?select=artists(name)",
    {
      code: "PGRST201",
      message:
        "Could not embed because more than one relationship was found for 'transfers' and 'artists'",
      details: [
        {
          cardinality: "many-to-one",
          embedding: "transfers with artists",
          relationship: "transfers_from_artist_fkey using transfers(from_artist) and artists(id)",
        },
        {
          cardinality: "many-to-one",
          embedding: "transfers with artists",
          relationship: "transfers_to_artist_fkey using transfers(to_artist) and artists(id)",
        },
      ],
      hint: "Try changing 'artists' to one of the following: 'artists!transfers_from_artist_fkey', 'artists!transfers_to_artist_fkey'. Find the desired relationship in the 'details' key.",
    },
    { status: 300 },
  ),
  get(
    "an unknown relationship is PGRST200",
    "/artists?select=staff(name)",
    fault(
      "PGRST200",
      "Could not find a relationship between 'artists' and 'staff' in the schema cache",
      "Searched for a foreign key relationship between 'artists' and 'staff' in the schema 'public', but no matches were found.",
    ),
    { status: 400 },
  ),
  get(
    "more columns than PostgreSQL returns is too complex",
    `/artists?select=${Array(1665).fill("id").join(",")}`,
    fault("54011", "target lists can have at most 1664 entries"),
    { status: 500 },
  ),
  get(
    "more embedded resources than are planned in good time are refused",
    `/artists?select=${Array.from({ length: 51 }, (_, i) => `a${i}:albums(id)`).join(",")}`,
    fault("too_many_embeds", "The request embeds too many resources", "The limit is 50"),
    { status: 400 },
  ),
  get(
    "a filter on what is not embedded is PGRST108",
    "/artists?albums.id=eq.1",
    fault(
      "PGRST108",
      "'albums' is not an embedded resource in this request",
      null,
      "Verify that 'albums' is included in the 'select' query parameter.",
    ),
    { status: 400 },
  ),
  get(
    "ordering by the many side is PGRST118",
    "/artists?select=albums()&order=albums(id)",
    fault(
      "PGRST118",
      "A related order on 'albums' is not possible",
      "'artists' and 'albums' do not form a many-to-one or one-to-one relationship",
    ),
    { status: 400 },
  ),
];

const NOT_DECODED = "None of the keys was able to decode the JWT";
/** In PostgREST's words: PGRST303 for what the claims say, PGRST301 for all else. */
const badTokens = [
  ["expired", "PGRST303", "JWT expired", null],
  ["forged", "PGRST301", "No suitable key or wrong key type", NOT_DECODED],
  [
    "foreign",
    "PGRST301",
    "JWT cryptographic operation failed",
    "The token was refused: it is of another issuer",
  ],
  ["truncated", "PGRST301", "No suitable key or wrong key type", NOT_DECODED],
] as const;

const refusing: HttpRow[] = [
  get(
    "an unknown table is PGRST205 with the nearest name",
    "/artist",
    fault(
      "PGRST205",
      "Could not find the table 'public.artist' in the schema cache",
      null,
      "Perhaps you meant the table 'public.artists'",
    ),
    { status: 404 },
  ),
  get(
    "a table of another schema is not found",
    "/hidden",
    fault("PGRST205", "Could not find the table 'public.hidden' in the schema cache"),
    { answer: { "cache-control": "no-store" }, status: 404 },
  ),
  get(
    "a schema that is not served is PGRST106",
    "/artists",
    fault(
      "PGRST106",
      "Invalid schema: private",
      null,
      "Only the following schemas are exposed: public",
    ),
    { headers: { "accept-profile": "private" }, status: 406 },
  ),
  get(
    "an unknown column is Postgres's 42703",
    "/artists?nope=eq.1",
    fault(
      "42703",
      "column artists.nope does not exist",
      null,
      'Perhaps you meant to reference the column "artists.name".',
    ),
    { status: 400 },
  ),
  get(
    "a value of the wrong type is 22P02",
    "/artists?id=eq.x",
    fault("22P02", 'invalid input syntax for type integer: "x"'),
    { status: 400 },
  ),
  get(
    "a value that reads like an error of ours is a value of the wrong type",
    "/artists?id=eq.PGRST116:3",
    fault("22P02", 'invalid input syntax for type integer: "PGRST116:3"'),
    { status: 400, answer: { "proxy-status": "PostgREST; error=22P02" } },
  ),
  ...[
    { path: "/data/v1/artists/a%2Fb", status: 400, code: "invalid_path" },
    { path: "/rest/v1/artists/a%2Fb", status: 400, code: "invalid_path" },
    { headers: { expect: "luck" }, status: 417, code: "expectation_failed" },
  ].map(
    ({ status, code, path = "/data/v1/artists", ...more }): HttpRow => ({
      name: `${code} at ${path.slice(0, 30)} is told as PostgREST tells its errors`,
      method: "HEAD",
      path,
      ...(more as Pick<HttpRow, "as" | "headers">),
      expect: {
        status,
        headers: { "content-type": JSON_TYPE, "proxy-status": `PostgREST; error=${code}` },
      },
    }),
  ),
  get(
    "an operator that the type lacks is 42883",
    "/artists?select=id&born=like.x",
    fault("42883", "operator does not exist: date ~~ unknown", null, expect42883()),
    { status: 404 },
  ),
  get(
    "a filter without an operator is PGRST100",
    "/artists?id=1",
    fault(
      "PGRST100",
      '"failed to parse filter (1)" (line 1, column 1)',
      'unexpected "1" expecting "not" or operator (eq, gt, ...)',
    ),
    { status: 400 },
  ),
  get(
    "a broken regular expression is 2201B",
    "/artists?name=match.(",
    fault("2201B", "invalid regular expression: parentheses () not balanced"),
    { status: 400 },
  ),
  get(
    "a NUL in a value is refused by Postgres",
    "/artists?name=eq.%00",
    fault("22021", 'invalid byte sequence for encoding "UTF8": 0x00'),
    { status: 400 },
  ),
  get(
    "a NUL in a name is refused",
    "/artists?%22a%00b%22=eq.1",
    fault(
      "PGRST100",
      '"failed to parse tree path ("a\u0000b")" (line 1, column 6)',
      "unexpected end of input expecting a name without NUL",
    ),
    { status: 400 },
  ),
  get(
    "SQL in a name is a name",
    `/artists?${encodeURIComponent('"id\\"; drop table artists; --"')}=eq.1`,
    fault("42703", 'column artists.id"; drop table artists; -- does not exist'),
    { status: 400 },
  ),
  get(
    "SQL in an alias is an alias",
    `/artists?select=${encodeURIComponent('"x\\"; --":id')}&id=eq.1`,
    [{ 'x"; --': 1 }],
  ),
  get(
    "SQL in a value is a value",
    `/artists?select=id&name=eq.${encodeURIComponent("' or '1'='1")}`,
    [],
  ),
  get(
    "SQL in a cast is an unknown type",
    "/artists?select=id::text%20as%20x",
    fault("42704", 'type "text as x" does not exist'),
    { status: 400 },
  ),
  get(
    "a name of 4 KiB is only a name",
    `/artists?select=id&${"a".repeat(4096)}=eq.1`,
    fault("42703", `column artists.${"a".repeat(63)} does not exist`),
    { status: 400 },
  ),
  get(
    "a deeper path is PGRST125",
    "/artists/1",
    fault("PGRST125", "Invalid path specified in request URL"),
    { status: 404 },
  ),
  get(
    "the types of the schema are not for nobody",
    "/_types?lang=typescript",
    fault(
      "types_need_key",
      "The types of a schema are for those who may see all of it",
      null,
      "Send the project's secret key as `apikey`, as `reactor types` does, or the token of a role that bypasses row security",
    ),
    { status: 401, answer: { "www-authenticate": "Bearer" } },
  ),
  get(
    "nor for users, in another language either",
    "/_types?lang=rust",
    fault(
      "types_need_key",
      "The types of a schema are for those who may see all of it",
      null,
      "Send the project's secret key as `apikey`, as `reactor types` does, or the token of a role that bypasses row security",
    ),
    { status: 403, as: "alice" },
  ),
  get(
    "the secret key is told which languages there are",
    "/_types?lang=rust",
    fault(
      "types_language_unknown",
      "Types cannot be written in 'rust'",
      null,
      "Use lang=typescript",
    ),
    { status: 400, as: "secret" },
  ),
  get(
    "aggregates are not allowed",
    "/albums?select=price.sum()",
    fault("PGRST123", "Use of aggregate functions is not allowed"),
    { status: 400 },
  ),
  {
    name: "OPTIONS tells what a table takes",
    method: "OPTIONS",
    path: "/data/v1/artists",
    expect: { status: 200, headers: { allow: "OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE" } },
  },
  get(
    "a table without row security is refused with the statement that ends it",
    "/open_table",
    fault(
      "42501",
      "The table public.open_table is exposed without row level security",
      "data.require_rls refuses it to every role that does not bypass row level security",
      'Run: alter table "public"."open_table" enable row level security;',
    ),
    { status: 403, as: "alice" },
  ),
  get(
    "a view that runs as its owner is refused",
    "/open_view",
    fault(
      "42501",
      "The view public.open_view is exposed without row level security",
      "data.require_rls refuses it to every role that does not bypass row level security",
      'Run: alter view "public"."open_view" set (security_invoker = true);',
    ),
    { status: 403 },
  ),
  ...["thin_view", "thinner_view"].map((view) =>
    get(
      `${view}, which runs as its caller over a table without row security, is refused`,
      `/${view}`,
      fault(
        "42501",
        `The view public.${view} is exposed without row level security`,
        "data.require_rls refuses it to every role that does not bypass row level security",
        "Run: alter table public.open_table enable row level security;",
      ),
      { status: 403, as: "alice" },
    ),
  ),
  get(
    "a materialized view is refused",
    "/open_matview",
    fault(
      "42501",
      "The materialized view public.open_matview is exposed without row level security",
      "data.require_rls refuses it to every role that does not bypass row level security",
      'Run: revoke all on "public"."open_matview" from anon, authenticated;',
    ),
    { status: 403 },
  ),
  get(
    "the secret key, which bypasses row security, reads it",
    "/open_table",
    [{ id: 1, name: "open" }],
    { as: "secret" },
  ),
  get("a view with security_invoker shows what its tables show", "/safe_view?id=lt.2000", [
    { id: 1002, slug: "stranger-shared" },
  ]),
  ...badTokens.map(([as, code, message, details]) =>
    get(
      `a token that is ${as} reads nothing, not even what is public`,
      "/artists",
      fault(code, message, details),
      {
        as,
        status: 401,
        answer: {
          "www-authenticate": `Bearer error="invalid_token", error_description="${message}"`,
        },
      },
    ),
  ),
];

function expect42883(): string {
  return "No operator matches the given name and argument types. You might need to add explicit type casts.";
}

function write(
  name: string,
  method: "POST" | "PATCH" | "DELETE",
  path: string,
  body: unknown,
  want: HttpRow["expect"],
  more: { as?: HttpRow["as"]; prefer?: string; headers?: Record<string, string> } = {},
): HttpRow {
  const headers = { ...(more.prefer ? { prefer: more.prefer } : {}), ...more.headers };
  return {
    name,
    method,
    path: `/data/v1${path}`,
    as: more.as ?? "alice",
    headers,
    ...(body === undefined ? {} : { body }),
    expect: want,
  };
}

const FULL = "return=representation";
const MERGE = "resolution=merge-duplicates";

const inserting: HttpRow[] = [
  write(
    "an insert answers 201 and no body",
    "POST",
    "/notes",
    { slug: "a1" },
    {
      status: 201,
      headers: {
        "content-range": "*/*",
        "content-type": null,
        location: null,
        "preference-applied": null,
      },
    },
  ),
  write(
    "the new row belongs to the caller and has its defaults",
    "POST",
    "/notes?select=slug,owner,stars,body",
    { slug: "a2", body: "text" },
    {
      status: 201,
      headers: { "preference-applied": FULL, "content-type": JSON_TYPE },
      body: [{ slug: "a2", owner: "{alice.id}", stars: 1, body: "text" }],
    },
    { prefer: FULL },
  ),
  write(
    "headers-only answers where the new row is",
    "POST",
    "/notes",
    { id: 501, slug: "a3" },
    {
      status: 201,
      headers: { location: "/notes?id=eq.501", "preference-applied": "return=headers-only" },
    },
    { prefer: "return=headers-only" },
  ),
  write(
    "a key of several columns is located by all of them",
    "POST",
    "/note_lines",
    { note_id: 501, line: 1, text: "one" },
    { status: 201, headers: { location: "/note_lines?note_id=eq.501&line=eq.1" } },
    { prefer: "return=headers-only" },
  ),
  write(
    "several rows are inserted by one request",
    "POST",
    "/notes?select=slug,stars",
    [
      { slug: "a4", stars: 4 },
      { slug: "a5", stars: 5 },
    ],
    {
      status: 201,
      headers: { "content-range": "*/2" },
      body: [
        { slug: "a4", stars: 4 },
        { slug: "a5", stars: 5 },
      ],
    },
    { prefer: `${FULL},count=exact` },
  ),
  write(
    "an empty list inserts nothing",
    "POST",
    "/notes",
    [],
    { status: 201, body: [], headers: { "content-range": "*/*" } },
    { prefer: FULL },
  ),
  write(
    "columns= chooses keys of the body and ignores the rest",
    "POST",
    "/notes?columns=slug,body&select=slug,body,stars",
    [{ slug: "a6", body: "b", stars: 5, junk: true }],
    { status: 201, body: [{ slug: "a6", body: "b", stars: 1 }] },
    { prefer: FULL },
  ),
  write(
    "a missing key is null unless asked otherwise",
    "POST",
    "/notes?columns=slug,stars",
    [{ slug: "a7", stars: 2 }, { slug: "a8" }],
    {
      status: 400,
      body: fault(
        "23502",
        'null value in column "stars" of relation "notes" violates not-null constraint',
      ),
    },
    { prefer: "return=minimal" },
  ),
  write(
    "missing=default gives a missing key its default",
    "POST",
    "/notes?columns=slug,stars&select=slug,stars",
    [{ slug: "a7", stars: 2 }, { slug: "a8" }],
    {
      status: 201,
      headers: { "preference-applied": `missing=default, ${FULL}` },
      body: [
        { slug: "a7", stars: 2 },
        { slug: "a8", stars: 1 },
      ],
    },
    { prefer: `${FULL},missing=default` },
  ),
  write(
    "missing=default lets an explicit null be null",
    "POST",
    "/notes?columns=slug,body,stars&select=slug,body,stars",
    { slug: "a9", body: null },
    { status: 201, body: [{ slug: "a9", body: null, stars: 1 }] },
    { prefer: `${FULL},missing=default` },
  ),
  write(
    "the new row is answered with what it refers to",
    "POST",
    "/note_lines?select=text,notes(slug)",
    { note_id: 501, line: 2, text: "two" },
    { status: 201, body: [{ text: "two", notes: { slug: "a3" } }] },
    { prefer: FULL },
  ),
  write(
    "one new row is answered as an object",
    "POST",
    "/notes?select=slug",
    { slug: "a10" },
    { status: 201, body: { slug: "a10" } },
    { prefer: FULL, headers: { accept: OBJECT } },
  ),
  write(
    "several new rows as an object are refused",
    "POST",
    "/notes?select=slug",
    [{ slug: "undone1" }, { slug: "undone2" }],
    {
      status: 406,
      body: fault(
        "PGRST116",
        "Cannot coerce the result to a single JSON object",
        "The result contains 2 rows",
      ),
    },
    { prefer: FULL, headers: { accept: OBJECT } },
  ),
  get("and are not kept", "/notes?slug=like.undone*&select=slug", [], { as: "alice" }),
  write(
    "a form is inserted as one row",
    "POST",
    "/notes?select=slug,stars",
    "slug=a11&stars=3",
    { status: 201, body: [{ slug: "a11", stars: 3 }] },
    { prefer: FULL, headers: { "content-type": "application/x-www-form-urlencoded" } },
  ),
  write(
    "CSV is inserted as its lines",
    "POST",
    "/notes?select=slug,body,stars",
    'slug,body,stars\na12,"x, ""y""",2\na13,NULL,3\n',
    {
      status: 201,
      body: [
        { slug: "a12", body: 'x, "y"', stars: 2 },
        { slug: "a13", body: null, stars: 3 },
      ],
    },
    { prefer: FULL, headers: { "content-type": "text/csv" } },
  ),
  write(
    "numbers keep every digit on their way in",
    "POST",
    "/notes?select=big::text,exact::text",
    '{"slug":"a14","big":9007199254740993,"exact":0.12345678901234567890}',
    { status: 201, body: [{ big: "9007199254740993", exact: "0.12345678901234567890" }] },
    { prefer: FULL, headers: { "content-type": "application/json" } },
  ),
];

const REPEAT = { "idempotency-key": "order-1" };
const repeating: HttpRow[] = [
  write(
    "an insert with a key takes effect",
    "POST",
    "/notes?select=slug",
    { slug: "once" },
    { status: 201, headers: { "idempotency-replayed": null }, body: [{ slug: "once" }] },
    { prefer: FULL, headers: REPEAT },
  ),
  write(
    "and repeated answers the same without a second effect",
    "POST",
    "/notes?select=slug",
    { slug: "once" },
    {
      status: 201,
      headers: { "idempotency-replayed": "true", "content-type": JSON_TYPE },
      body: [{ slug: "once" }],
    },
    { prefer: FULL, headers: REPEAT },
  ),
  write(
    "the key with another body is refused",
    "POST",
    "/notes?select=slug",
    { slug: "twice" },
    {
      status: 422,
      body: fault(
        "idempotency_key_reused",
        "This Idempotency-Key was used for another request",
        null,
        "Make a new key for each request",
      ),
    },
    { prefer: FULL, headers: REPEAT },
  ),
  write(
    "the key is the caller's own",
    "POST",
    "/notes?select=slug",
    { slug: "once" },
    {
      status: 409,
      body: fault("23505", 'duplicate key value violates unique constraint "notes_slug_key"'),
    },
    { as: "bob", prefer: FULL, headers: REPEAT },
  ),
];

const upserting: HttpRow[] = [
  write(
    "a duplicate is 409, and row security keeps its key to itself",
    "POST",
    "/notes",
    { slug: "a1" },
    {
      status: 409,
      body: fault("23505", 'duplicate key value violates unique constraint "notes_slug_key"'),
    },
  ),
  write(
    "merge-duplicates by on_conflict updates: 200",
    "POST",
    "/notes?on_conflict=slug&select=slug,stars",
    { slug: "a1", stars: 3 },
    {
      status: 200,
      headers: { "preference-applied": `${MERGE}, ${FULL}` },
      body: [{ slug: "a1", stars: 3 }],
    },
    { prefer: `${FULL},${MERGE}` },
  ),
  write(
    "merge-duplicates that also inserts is 201",
    "POST",
    "/notes?on_conflict=slug&select=slug,stars",
    [
      { slug: "a1", stars: 4 },
      { slug: "a15", stars: 4 },
    ],
    {
      status: 201,
      body: [
        { slug: "a1", stars: 4 },
        { slug: "a15", stars: 4 },
      ],
    },
    { prefer: `${FULL},${MERGE}` },
  ),
  write(
    "merge-duplicates uses the primary key by default",
    "POST",
    "/note_lines?select=line,text",
    { note_id: 501, line: 1, text: "uno" },
    { status: 200, body: [{ line: 1, text: "uno" }] },
    { prefer: `${FULL},${MERGE}` },
  ),
  write(
    "ignore-duplicates leaves what is there",
    "POST",
    "/notes?on_conflict=slug&select=slug",
    [
      { slug: "a1", stars: 0 },
      { slug: "a16", stars: 0 },
    ],
    {
      status: 201,
      headers: { "preference-applied": `resolution=ignore-duplicates, ${FULL}` },
      body: [{ slug: "a16" }],
    },
    { prefer: `${FULL},resolution=ignore-duplicates` },
  ),
  get("and it is still there", "/notes?slug=eq.a1&select=stars", [{ stars: 4 }], { as: "alice" }),
  write(
    "on_conflict without a unique key is Postgres's 42P10",
    "POST",
    "/notes?on_conflict=body",
    { slug: "x" },
    {
      status: 400,
      body: fault(
        "42P10",
        "there is no unique or exclusion constraint matching the ON CONFLICT specification",
      ),
    },
    { prefer: MERGE },
  ),
];

const updating: HttpRow[] = [
  write(
    "an update answers 204 and how many",
    "PATCH",
    "/notes?slug=in.(a4,a5)",
    { body: "new" },
    { status: 204, headers: { "content-range": "0-1/*", "content-type": null } },
  ),
  write(
    "an update answers its rows when asked",
    "PATCH",
    "/notes?slug=eq.a4&select=slug,body",
    { body: "newer" },
    { status: 200, headers: { "content-range": "0-0/1" }, body: [{ slug: "a4", body: "newer" }] },
    { prefer: `${FULL},count=exact` },
  ),
  write(
    "an update of no rows answers an empty list",
    "PATCH",
    "/notes?slug=eq.none",
    { body: "x" },
    { status: 200, headers: { "content-range": "*/*" }, body: [] },
    { prefer: FULL },
  ),
  write(
    "an update without columns touches nothing",
    "PATCH",
    "/notes?slug=eq.a4",
    {},
    { status: 204, headers: { "content-range": "*/*" } },
  ),
  write(
    "an update can be answered with what refers to it",
    "PATCH",
    "/notes?slug=eq.a3&select=slug,note_lines(text)&note_lines.order=line",
    { stars: 2 },
    { status: 200, body: [{ slug: "a3", note_lines: [{ text: "uno" }, { text: "two" }] }] },
    { prefer: FULL },
  ),
  write(
    "an update beyond max-affected is undone",
    "PATCH",
    "/notes?slug=in.(a4,a5)",
    { body: "undone" },
    {
      status: 400,
      body: fault(
        "PGRST124",
        "Query result exceeds max-affected preference constraint",
        "The query affects 2 rows",
      ),
    },
    { prefer: "handling=strict,max-affected=1" },
  ),
  get("and nothing of it is kept", "/notes?body=eq.undone", [], { as: "alice" }),
  write(
    "a constraint of the table is Postgres's 23514",
    "PATCH",
    "/notes?slug=eq.a4",
    { stars: 9 },
    {
      status: 400,
      body: fault(
        "23514",
        'new row for relation "notes" violates check constraint "notes_stars_check"',
      ),
    },
  ),
  write(
    "a null where none may be is 23502",
    "POST",
    "/note_lines",
    { note_id: 1002, line: null },
    {
      status: 400,
      body: fault(
        "23502",
        'null value in column "line" of relation "note_lines" violates not-null constraint',
      ),
    },
  ),
];

const denying: HttpRow[] = [
  write(
    "anon may not insert: 401, because a credential might help",
    "POST",
    "/notes",
    { slug: "x" },
    {
      status: 401,
      headers: { "www-authenticate": "Bearer" },
      body: fault("42501", "permission denied for table notes"),
    },
    { as: "anon" },
  ),
  write(
    "the publishable key is anon",
    "POST",
    "/notes",
    { slug: "x" },
    { status: 401, body: fault("42501", "permission denied for table notes") },
    { as: "publishable" },
  ),
  write(
    "a row for somebody else is refused",
    "POST",
    "/notes",
    { slug: "x", owner: "{bob.id}" },
    {
      status: 403,
      body: fault("42501", 'new row violates row-level security policy for table "notes"'),
    },
  ),
  write(
    "a row cannot be given away",
    "PATCH",
    "/notes?slug=eq.a1",
    { owner: "{bob.id}" },
    {
      status: 403,
      body: fault("42501", 'new row violates row-level security policy for table "notes"'),
    },
  ),
  get("another user sees none of them", "/notes?slug=like.a*&select=slug", [], { as: "bob" }),
  get("anon sees shared rows only", "/notes?select=slug&id=lt.2000&order=slug", [
    { slug: "stranger-shared" },
  ]),
  write(
    "another user's update touches nothing",
    "PATCH",
    "/notes?slug=eq.a1&select=slug",
    { body: "stolen" },
    { status: 200, body: [] },
    { as: "bob", prefer: FULL },
  ),
  write(
    "another user's delete removes nothing",
    "DELETE",
    "/notes?slug=eq.a1&select=slug",
    undefined,
    { status: 200, body: [] },
    { as: "bob", prefer: FULL },
  ),
  write(
    "another user's upsert does not take the row over",
    "POST",
    "/notes?on_conflict=slug",
    { slug: "a1", stars: 0 },
    {
      status: 403,
      body: fault(
        "42501",
        'new row violates row-level security policy (USING expression) for table "notes"',
      ),
    },
    { as: "bob", prefer: MERGE },
  ),
  get(
    "a column without the privilege cannot be read",
    "/staff",
    fault("42501", "permission denied for table staff"),
    { as: "alice", status: 403 },
  ),
  get(
    "nor filtered by",
    "/staff?select=id&salary=gt.0",
    fault("42501", "permission denied for table staff"),
    { as: "alice", status: 403 },
  ),
  get(
    "nor ordered by",
    "/staff?select=id&order=salary",
    fault("42501", "permission denied for table staff"),
    { as: "alice", status: 403 },
  ),
  get("the other columns can", "/staff?select=name&order=id", [{ name: "Mo" }, { name: "Lu" }], {
    as: "alice",
  }),
  get(
    "the secret key sees every row",
    "/notes?slug=in.(a1,stranger-private)&select=slug&order=slug",
    [{ slug: "a1" }, { slug: "stranger-private" }],
    { as: "secret" },
  ),
  write(
    "an unknown column is PGRST204",
    "POST",
    "/notes",
    { slug: "x", nope: 1 },
    {
      status: 400,
      body: fault("PGRST204", "Could not find the 'nope' column of 'notes' in the schema cache"),
    },
  ),
  write(
    "an unknown column in columns= is PGRST204",
    "POST",
    "/notes?columns=nope",
    { nope: 1 },
    {
      status: 400,
      body: fault("PGRST204", "Could not find the 'nope' column of 'notes' in the schema cache"),
    },
  ),
  write(
    "a body that is no JSON is PGRST102",
    "POST",
    "/notes",
    "{bad",
    { status: 400, body: fault("PGRST102", "Empty or invalid json") },
    { headers: { "content-type": "application/json" } },
  ),
  write(
    "an empty body is PGRST102",
    "POST",
    "/notes",
    "",
    { status: 400, body: fault("PGRST102", "Empty or invalid json") },
    { headers: { "content-type": "application/json" } },
  ),
  write("objects with other keys are PGRST102", "POST", "/notes", [{ slug: "x" }, { body: "y" }], {
    status: 400,
    body: fault("PGRST102", "All object keys must match"),
  }),
  write("a list of something else is PGRST102", "POST", "/notes", [1, 2], {
    status: 400,
    body: fault("PGRST102", "All object keys must match"),
  }),
  write(
    "a body of another type is PGRST102",
    "POST",
    "/notes",
    "<a/>",
    { status: 400, body: fault("PGRST102", "Content-Type not acceptable: text/xml") },
    { headers: { "content-type": "text/xml" } },
  ),
  write(
    "a NUL in a text is Postgres's 22P05",
    "POST",
    "/notes",
    '{"slug":"a\\u0000b"}',
    {
      status: 400,
      body: fault(
        "22P05",
        "unsupported Unicode escape sequence",
        "\\u0000 cannot be converted to text.",
      ),
    },
    { headers: { "content-type": "application/json" } },
  ),
  write(
    "SQL in a key is an unknown column",
    "POST",
    "/notes",
    { 'slug") values (1); --': 1 },
    {
      status: 400,
      body: fault(
        "PGRST204",
        "Could not find the 'slug\") values (1); --' column of 'notes' in the schema cache",
      ),
    },
  ),
  write(
    "an unknown preference is ignored",
    "POST",
    "/notes?select=slug",
    { slug: "a17" },
    { status: 201, body: [{ slug: "a17" }] },
    { prefer: `${FULL}, foo=bar` },
  ),
  write(
    "an unknown preference is refused under handling=strict",
    "POST",
    "/notes",
    { slug: "x" },
    {
      status: 400,
      body: fault(
        "PGRST122",
        "Invalid preferences given with handling=strict",
        "Invalid preferences: foo=bar",
      ),
    },
    { prefer: "handling=strict, foo=bar" },
  ),
];

const deleting: HttpRow[] = [
  write("a delete answers 204", "DELETE", "/notes?slug=eq.a4", undefined, {
    status: 204,
    headers: { "content-range": "*/*" },
  }),
  write(
    "a delete answers its rows when asked",
    "DELETE",
    "/notes?slug=eq.a5&select=slug",
    undefined,
    { status: 200, headers: { "content-range": "*/1" }, body: [{ slug: "a5" }] },
    { prefer: `${FULL},count=exact` },
  ),
  write("a delete without filters removes what the caller owns", "DELETE", "/notes", undefined, {
    status: 204,
  }),
  get("and only that", "/notes?select=id&id=lt.2000&order=id", [{ id: 1001 }, { id: 1002 }], {
    as: "secret",
  }),
];

const writing: HttpRow[] = [
  ...inserting,
  ...repeating,
  ...upserting,
  ...updating,
  ...denying,
  ...deleting,
];

const rpc = (path: string) => `/rpc/${path}`;

const calling: HttpRow[] = [
  write(
    "a call takes its arguments from the body",
    "POST",
    rpc("add_up"),
    { a: 2, b: 3 },
    { status: 200, headers: { "content-type": JSON_TYPE, "content-range": "0-0/*" }, body: 5 },
    { as: "anon" },
  ),
  write(
    "a default fills in",
    "POST",
    rpc("add_up"),
    { a: 2 },
    { status: 200, body: 3 },
    { as: "anon" },
  ),
  get("a call takes its arguments from the query", "/rpc/add_up?a=20&b=22", 42),
  get(
    "a set of rows is filtered, ordered, cut and embedded like a table",
    "/rpc/search_albums?term=t&select=title,artists(name)&id=gt.10&order=id.desc&limit=2",
    [
      { title: "Giant Steps", artists: { name: "Coltrane" } },
      { title: "Debut", artists: { name: "Björk" } },
    ],
  ),
  get("a set of rows is counted", "/rpc/search_albums?term=t&select=id&limit=1", [{ id: 10 }], {
    headers: { prefer: "count=exact" },
    status: 206,
    answer: { "content-range": "0-0/3" },
  }),
  get("a set of values is a list", "/rpc/count_to?n=3", [1, 2, 3]),
  get("OUT parameters are an object", "/rpc/smallest?values_of=3,1,2", { low: 1, high: 3 }),
  write(
    "a variadic parameter takes a list",
    "POST",
    rpc("join_words"),
    { words: ["a", "b"] },
    { status: 200, body: "a+b" },
    { as: "anon" },
  ),
  write(
    "one unnamed json parameter takes the whole body",
    "POST",
    rpc("echo"),
    [1, { a: "b" }],
    { status: 200, body: [1, { a: "b" }] },
    { as: "anon" },
  ),
  write(
    "void is 204",
    "POST",
    rpc("do_nothing"),
    undefined,
    { status: 204, headers: { "content-type": null } },
    { as: "anon" },
  ),
  write(
    "a call acts as its caller",
    "POST",
    rpc("take_note?select=slug,owner"),
    { slug: "called" },
    { status: 200, body: { slug: "called", owner: "{alice.id}" } },
  ),
  write(
    "and is refused what its caller may not do",
    "POST",
    rpc("take_note"),
    { slug: "x" },
    { status: 401, body: fault("42501", "permission denied for table notes") },
    { as: "anon" },
  ),
  get(
    "GET cannot write",
    "/rpc/take_note?slug=x",
    fault("25006", "cannot execute INSERT in a read-only transaction"),
    { as: "alice", status: 405 },
  ),
  write(
    "an unknown function is PGRST202 with the nearest name",
    "POST",
    rpc("ad_up"),
    { a: 1 },
    {
      status: 404,
      body: fault(
        "PGRST202",
        "Could not find the function public.ad_up(a) in the schema cache",
        "Searched for the function public.ad_up with parameter a or with a single unnamed json/jsonb parameter, but no matches were found in the schema cache.",
        "Perhaps you meant to call the function public.add_up",
      ),
    },
    { as: "anon" },
  ),
  write(
    "an unknown argument is PGRST202 with the nearest list",
    "POST",
    rpc("add_up"),
    { a: 1, c: 2 },
    {
      status: 404,
      body: fault(
        "PGRST202",
        "Could not find the function public.add_up(a, c) in the schema cache",
        "Searched for the function public.add_up with parameters a, c or with a single unnamed json/jsonb parameter, but no matches were found in the schema cache.",
        "Perhaps you meant to call the function public.add_up(a, b)",
      ),
    },
    { as: "anon" },
  ),
  write(
    "overloads that only types tell apart are PGRST203",
    "POST",
    rpc("either"),
    { a: 1 },
    {
      status: 300,
      body: fault(
        "PGRST203",
        "Could not choose the best candidate function between: public.either(a => integer), public.either(a => text)",
        null,
        "Try renaming the parameters or the function itself in the database so function overloading can be resolved",
      ),
    },
    { as: "anon" },
  ),
  write(
    "a raised PTxyz chooses the status",
    "POST",
    rpc("refuse"),
    { code: "PT402", message: "pay" },
    { status: 402, body: fault("PT402", "pay", null, "a hint") },
    { as: "anon" },
  ),
  write(
    "a raised exception is 400",
    "POST",
    rpc("refuse"),
    { code: "P0001", message: "no" },
    { status: 400, body: fault("P0001", "no", null, "a hint") },
    { as: "anon" },
  ),
  write(
    "a call by another method is PGRST101",
    "PATCH",
    rpc("add_up"),
    { a: 1 },
    { status: 405, body: fault("PGRST101", "Cannot use the PATCH method on RPC") },
    { as: "anon" },
  ),
  write(
    "SQL in an argument's name is an unknown argument",
    "POST",
    rpc("add_up"),
    { 'a" => 1); --': 1 },
    {
      status: 404,
      body: fault(
        "PGRST202",
        'Could not find the function public.add_up(a" => 1); --) in the schema cache',
        'Searched for the function public.add_up with parameter a" => 1); -- or with a single unnamed json/jsonb parameter, but no matches were found in the schema cache.',
        null,
      ),
    },
    { as: "anon" },
  ),
  write("the note that was taken is taken away", "DELETE", "/notes?slug=eq.called", undefined, {
    status: 204,
  }),
];

export const rows: readonly HttpRow[] = [
  ...shaping,
  ...filtering,
  ...ordering,
  ...embedding,
  ...refusing,
  ...calling,
  ...writing,
];
