/** Rows, columns, filters and aggregates of one table, against docs.postgrest.org, "Tables and Views". */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type DataRow, fault, runDataRows } from "./data-rows.ts";
import { type DataWorld, openDataWorld } from "./data-world.ts";

const FIXTURE = "test/data/reading.fixture.sql";

let world: DataWorld;
beforeAll(async () => {
  world = await openDataWorld({ require_rls: false, db_aggregates_enabled: true }, [], FIXTURE);
});
afterAll(() => world.close());

const get = (name: string, path: string, body: unknown, more: Partial<DataRow> = {}): DataRow => ({
  name,
  path,
  want: { body },
  ...more,
});
const ids = (...list: number[]) => list.map((id) => ({ id }));
const films = (filter: string) => `/films?select=id&order=id&${filter}`;

describe("filters", () => {
  const cases: [filter: string, found: number[]][] = [
    ["title=eq.Alpha", [1, 4]],
    ["title=neq.Alpha", [2, 3]],
    ["year=gt.2001", [2, 3, 4]],
    ["year=gte.2002&year=lte.2002", [2, 3]],
    ["year=lt.2002", [1]],
    ["title=like.*ph*", [1, 4]],
    ["title=like.%25eta", [2]],
    ["title=ilike.aLPHA", [1, 4]],
    ["title=match.^[AB]", [1, 2, 4]],
    ["title=imatch.^g", [3]],
    ["title=not.like.A*", [2, 3]],
    ["title=eq(any).{Alpha,Beta}", [1, 2, 4]],
    ["title=like(any).{A*,G*}", [1, 3, 4]],
    ["title=like(all).{*a,A*}", [1, 4]],
    ["title=ilike(any).{b*,g*}", [2, 3]],
    ["title=match(any).{^A,^B}", [1, 2, 4]],
    ["title=imatch(all).{A$,^b}", [2]],
    ["year=gt(any).{2001,2005}", [2, 3, 4]],
    ["year=gte(all).{2001,2002}", [2, 3, 4]],
    ["year=lt(all).{2002,2010}", [1]],
    ["year=lte(any).{2001,2002}", [1, 2, 3]],
    ["year=not.eq(any).{2001,2002}", [4]],
    ["id=in.(1,3)", [1, 3]],
    ['title=in.("Beta",Gamma)', [2, 3]],
    ["id=in.()", []],
    ["id=not.in.(1,3)", [2, 4]],
    ["rating=is.null", [4]],
    ["rating=is.not_null", [1, 2, 3]],
    ["rating=not.is.NULL", [1, 2, 3]],
    ["director_id=isdistinct.1", [3, 4]],
    ["director_id=not.isdistinct.1", [1, 2]],
    ["tags=cs.{red}", [1]],
    ["tags=cd.{red,blue,green}", [1, 2, 3]],
    ["tags=ov.{blue,x}", [1, 2]],
    ["span=cs.[3,4)", [1]],
    ["span=sl.[6,8)", [1]],
    ["span=sr.[0,2)", [2]],
    ["span=nxr.[0,6)", [1]],
    ["span=nxl.[2,6)", [2]],
    ["span=adj.[9,10)", [2]],
    ['data=cs.{"n":7}', [3]],
    ["words=fts(simple).fox", [1]],
    ["words=plfts(simple).lazy dog", [2]],
    ["words=phfts(simple).quick fox", [1]],
    ["words=wfts(simple).fox or dog", [1, 2]],
    ["words=not.fts(simple).fox", [2]],
    ["title=fts(simple).alpha", [1, 4]],
    ["data=plfts(simple).x", [1]],
    ["data->n=gt.6", [2, 3]],
    ["data->>n=eq.5", [1]],
    ["data->a->b->2->>c=eq.x", [1]],
    ["data->a->b->-1->>c=eq.x", [1]],
    ["data->>key with space=eq.1", [1]],
    ['data->>"ä"=eq.2', [1]],
    ["shot_in->>town=eq.Rome", [1]],
    ["shot_in->land=is.null", [3, 4]],
    ["tags->>0=eq.blue", [2]],
    ["tags->>-1=eq.blue", [1, 2]],
    ["notes->k=is.not_null", [1]],
    ["label=eq.Beta (2002)", [2]],
    ["poster=eq.0000FF", [1]],
    ["poster=in.(0000FF,FF0000)", [1, 2]],
    ["poster=eq(any).{0000FF,000001}", [1, 4]],
    ["poster=neq.0000FF", [2, 4]],
    ["mood=eq.gay", [2]],
    ["or=(id.eq.1,and(year.eq.2002,rating.gt.8))", [1, 2]],
    ["not.or=(id.eq.1,id.eq.2)", [3, 4]],
    ["and=(id.gt.1,not.or(id.eq.2,id.eq.3))", [4]],
    ["and=(id.gte.1,not.and(id.gte.2,id.lte.3))&or=(id.eq.1,id.eq.2)", [1]],
    ['or=(title.eq."Beta",id.in.(1,"3"))', [1, 2, 3]],
    ['or=(tags.cs.{red},tags.eq."{}")', [1, 3]],
    ['or=(span.cs."[2,3)",data->n.eq.7)', [1, 3]],
    ["or=(title.like(any).{B*,G*},id.eq.1)", [1, 2, 3]],
    ["or=(title.fts(simple).beta,id.isdistinct.2)", [1, 2, 3, 4]],
    ["or=(rating.is.null,rating.not.is.null)&not.and=(id.eq.1,id.eq.1)", [2, 3, 4]],
  ];
  runDataRows(
    cases.map(([filter, found]) => get(filter, films(filter), ids(...found))),
    () => world,
  );
});

describe("columns", () => {
  runDataRows(
    [
      get(
        "casts, aliases and paths",
        "/films?select=n:id::text,year::numeric,data->a->b->0,k:data->>n,shot_in->>town,tags->1&id=eq.1",
        [{ n: "1", year: 2001, b: 1, k: "5", town: "Rome", tags: "blue" }],
      ),
      get(
        "casts to types of several words, of one letter and of one's own",
        "/films?select=a:id::double precision,b:title::char,c:title::character varying,d:mood::mood,e:rating::numeric::int&id=eq.1".replace(
          "::numeric::int",
          "::int",
        ),
        [{ a: 1, b: "A", c: "Alpha", d: "grim", e: 8 }],
      ),
      get("a computed column", "/films?select=label&id=eq.2", [{ label: "Beta (2002)" }]),
      get("a domain is answered as its author says", "/films?select=poster&id=in.(1,3)&order=id", [
        { poster: "#0000FF" },
        { poster: null },
      ]),
      get("also among all", "/films?select=*&id=eq.4", [
        expect.objectContaining({ id: 4, poster: "#000001", title: "Alpha" }),
      ]),
      get(
        "also embedded, and by another name",
        "/directors?select=films(p:poster)&id=eq.1&films.order=id",
        [{ films: [{ p: "#0000FF" }, { p: "#FF0000" }] }],
      ),
      get("also spread", "/specs?select=...films(poster)&film_id=eq.1", [{ poster: "#0000FF" }]),
      get(
        "order with nulls, paths and computed columns",
        "/films?select=id&order=data->n.desc.nullslast,label",
        ids(2, 3, 1, 4),
      ),
      get(
        "of several orders the first counts",
        "/films?select=id&order=id.desc&order=id&limit=1",
        ids(4),
      ),
      get(
        "a parameter without a value says nothing",
        "/films?select=id&order=id&title&limit=1",
        ids(1),
      ),
      get("where the answer lies", "/films?select=id&order=id&id=lt.3&id=gt.1", ids(2), {
        want: {
          body: ids(2),
          headers: { "content-location": "/films?id=lt.3,gt.1&order=id&select=id" },
        },
      }),
      get("a HEAD has it too", "/films?id=eq.1", "", {
        method: "HEAD",
        want: {
          body: "",
          headers: { "content-location": "/films?id=eq.1", "content-range": "0-0/*" },
        },
      }),
    ],
    () => world,
  );
});

describe("aggregates", () => {
  runDataRows(
    [
      get(
        "of the whole table",
        "/films?select=count(),year.sum(),rating.avg(),rating.min(),rating.max(),d:director_id.count()",
        [{ count: 4, sum: 8015, avg: 7.5, min: 6, max: 9, d: 3 }],
      ),
      get(
        "grouped by what else is selected",
        "/films?select=y:year,n:count(),rating.max()&order=year",
        [
          { y: 2001, n: 1, max: 7.5 },
          { y: 2002, n: 2, max: 9 },
          { y: 2010, n: 1, max: null },
        ],
      ),
      get(
        "by a column whose name is another's",
        "/films?select=id:director_id,count()&order=director_id",
        [
          { id: 1, count: 2 },
          { id: 2, count: 1 },
          { id: null, count: 1 },
        ],
      ),
      get(
        "with casts before and after",
        "/films?select=s:data->>n::int.sum()::text,count()::text",
        [{ s: "22", count: "4" }],
      ),
      get(
        "filtered, ordered and cut",
        "/films?select=director_id,count()&director_id=not.is.null&order=director_id.desc&limit=1",
        [{ director_id: 2, count: 1 }],
      ),
      get(
        "in an embedded resource",
        "/directors?select=name,films(count(),rating.max())&order=id",
        [
          { name: "Ada", films: [{ count: 2, max: 9 }] },
          { name: "Bo", films: [{ count: 1, max: 6 }] },
          { name: "Cy", films: [{ count: 0, max: null }] },
        ],
      ),
      get(
        "grouped in an embedded resource",
        "/directors?select=films(year,count())&id=eq.1&films.order=year",
        [
          {
            films: [
              { year: 2001, count: 1 },
              { year: 2002, count: 1 },
            ],
          },
        ],
      ),
      get(
        "by an embedded object",
        "/films?select=count(),directors(name)&order=count.desc".replace(
          "&order=count.desc",
          "&director_id=eq.1",
        ),
        [{ count: 2, directors: { name: "Ada" } }],
      ),
      get("by an embedded list", "/films?select=count(),stunts(take)&id=in.(3,4)", [
        { count: 2, stunts: [] },
      ]),
      get("by all columns", "/specs?select=*,count()&order=film_id", [
        { film_id: 1, camera: "Arri", count: 1 },
        { film_id: 3, camera: null, count: 1 },
      ]),
      get(
        "in a spread they count the rows above",
        "/roles?select=...films(year,rating.max(),fees:rating.sum())&film_id=lt.3&order=films(year)",
        [
          { year: 2001, max: 7.5, fees: 15 },
          { year: 2002, max: 9, fees: 9 },
        ],
      ),
      get("count() in a spread", "/roles?select=actor_id,...films(count())&order=actor_id", [
        { actor_id: 1, count: 2 },
        { actor_id: 2, count: 1 },
        { actor_id: 3, count: 1 },
      ]),
      get(
        "in a spread of a spread, beside others",
        "/roles?select=...films(...directors(name,n:count(),born.min())),fee.sum()&fee=not.is.null",
        [{ name: "Ada", n: 3, min: "1900-01-01", sum: 350 }],
      ),
      get(
        "up to the embedded resource that shows them",
        "/actors?select=name,roles(...films(title.max(),c:count()))&id=eq.1",
        [{ name: "Kim", roles: [{ max: "Beta", c: 2 }] }],
      ),
      get(
        "grouped by an object in a spread",
        "/roles?select=count(),...films(directors(name))&film_id=lt.3",
        [{ count: 3, directors: { name: "Ada" } }],
      ),
      get("of what a function returns", "/rpc/films_of?year=2002&select=rating.sum(),count()", [
        { sum: 15, count: 2 },
      ]),
      get("a column that is none counts, in SQL too", "/directors?select=films(count)&id=eq.1", [
        { films: [{ count: 2 }] },
      ]),
      {
        name: "not in a spread of many rows",
        path: "/directors?select=...films(rating.max())",
        want: {
          status: 400,
          body: fault(
            "PGRST127",
            "Feature not implemented",
            "Aggregates are not implemented for one-to-many or many-to-many spreads.",
          ),
        },
      },
      {
        name: "nor of one row inside many",
        path: "/directors?select=...films(...specs(count()))",
        want: { status: 400, body: expect.objectContaining({ code: "PGRST127" }) },
      },
    ],
    () => world,
  );

  test("are refused unless they are allowed, at every depth", async () => {
    const closed = await openDataWorld({ require_rls: false }, [], FIXTURE);
    for (const select of [
      "count()",
      "rating.sum()",
      "directors(count())",
      "...directors(id.max())",
    ]) {
      const answer = await closed.ask(`/films?select=${select}`);
      expect([answer.status, await answer.json()]).toEqual([
        400,
        fault("PGRST123", "Use of aggregate functions is not allowed"),
      ]);
    }
    expect((await closed.ask("/films?select=count")).status).toBe(200);
    await closed.close();
  });
});

describe("columns that the caller may not read", () => {
  const denied = fault("42501", "permission denied for table staff");
  runDataRows(
    [
      get("those granted are answered", "/staff?select=id,name&order=name.desc", [
        { id: 1, name: "Mo" },
        { id: 2, name: "Lu" },
      ]),
      ...[
        "/staff",
        "/staff?select=salary",
        "/staff?select=id&salary=gt.5",
        "/staff?select=id&or=(id.eq.1,salary.gt.15)",
        "/staff?select=id&order=salary",
        "/staff?select=salary.sum()",
        "/staff?select=id,directors(id)",
        "/directors?select=id,staff(id)",
        "/directors?select=id,staff!inner()",
        "/directors?select=id,staff()&staff=is.null",
        "/directors?select=id,...staff(name)",
      ].map(
        (path): DataRow => ({
          name: `${path} is denied`,
          path,
          want: { status: 401, body: denied },
        }),
      ),
    ],
    () => world,
  );
});

describe("what cannot be read", () => {
  const cases: [path: string, message: string, details: string][] = [
    [
      "or=()",
      '"failed to parse logic tree (())" (line 1, column 4)',
      'unexpected ")" expecting field name (* or [a..z0..9_$]), negation operator (not) or logic operator (and, or)',
    ],
    [
      "or=)(",
      '"failed to parse logic tree ()()" (line 1, column 3)',
      'unexpected ")" expecting "("',
    ],
    [
      "and=(ord(id.eq.1,id.eq.1),id.eq.2)",
      '"failed to parse logic tree ((ord(id.eq.1,id.eq.1),id.eq.2))" (line 1, column 7)',
      'unexpected "d" expecting "("',
    ],
    [
      "or=(id.in.1,2,id.eq.3)",
      '"failed to parse logic tree ((id.in.1,2,id.eq.3))" (line 1, column 10)',
      'unexpected "1" expecting "("',
    ],
    [
      "or=(id.eq.1,not.xor(id.eq.2,id.eq.3))",
      '"failed to parse logic tree ((id.eq.1,not.xor(id.eq.2,id.eq.3)))" (line 1, column 16)',
      'unexpected "x" expecting logic operator (and, or)',
    ],
    [
      "id=eq().1",
      '"failed to parse filter (eq().1)" (line 1, column 1)',
      'unexpected "e" expecting "not" or operator (eq, gt, ...)',
    ],
    [
      "id=neq(any).{1}",
      '"failed to parse filter (neq(any).{1})" (line 1, column 1)',
      'unexpected "n" expecting "not" or operator (eq, gt, ...)',
    ],
    [
      "data->>-78xy=eq.1",
      '"failed to parse tree path (data->>-78xy)" (line 1, column 11)',
      `unexpected 'x' expecting digit, "->", "::", ".", "," or end of input`,
    ],
    [
      "data->--34=eq.1",
      '"failed to parse tree path (data->--34)" (line 1, column 8)',
      'unexpected "-" expecting digit',
    ],
    [
      "order=id.descc",
      '"failed to parse order (id.descc)" (line 1, column 8)',
      `unexpected 'c' expecting delimiter (.), "," or end of input`,
    ],
    [
      "order=id.nullslasttt",
      '"failed to parse order (id.nullslasttt)" (line 1, column 13)',
      `unexpected 't' expecting "," or end of input`,
    ],
    [
      "order=id.asc.nlsfst",
      '"failed to parse order (id.asc.nlsfst)" (line 1, column 8)',
      'unexpected "l" expecting "nullsfirst" or "nullslast"',
    ],
    [
      "select=id::",
      '"failed to parse select parameter (id::)" (line 1, column 5)',
      "unexpected end of input expecting letter or digit",
    ],
  ];
  runDataRows(
    cases.map(([search, message, details]) => ({
      name: search,
      path: `/films?${search}`,
      want: { status: 400, body: fault("PGRST100", message, details) },
    })),
    () => world,
  );
});
