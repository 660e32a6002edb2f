/** Embedded resources, against docs.postgrest.org, "Resource Embedding". */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type DataRow, fault, runDataRows } from "./data-rows.ts";
import { type DataWorld, openDataWorld } from "./data-world.ts";

let world: DataWorld;
beforeAll(async () => {
  world = await openDataWorld(
    { require_rls: false, db_aggregates_enabled: true },
    [],
    "test/data/reading.fixture.sql",
  );
});
afterAll(() => world.close());

const get = (name: string, path: string, body: unknown, more: Partial<DataRow> = {}): DataRow => ({
  name,
  path,
  want: { body },
  ...more,
});

const fails = (name: string, path: string, status: number, body: unknown): DataRow => ({
  name,
  path,
  want: { status, body },
});

const renamed = (change: string) =>
  `299 reactor "Embedded resource was referenced by relation name even though it has an alias. This is deprecated and will stop working in a future release. ${change} in query string filters, orders or limits."`;

describe("values", () => {
  runDataRows(
    [
      get(
        "the one side and the many side",
        "/directors?select=name,films(title)&order=id&films.order=id",
        [
          { name: "Ada", films: [{ title: "Alpha" }, { title: "Beta" }] },
          { name: "Bo", films: [{ title: "Gamma" }] },
          { name: "Cy", films: [] },
        ],
      ),
      get(
        "no row on the one side is null",
        "/films?select=title,directors(name)&id=gt.2&order=id",
        [
          { title: "Gamma", directors: { name: "Bo" } },
          { title: "Alpha", directors: null },
        ],
      ),
      get(
        "one-to-one from both ends",
        "/films?select=id,specs(camera,films(title))&id=lt.3&order=id",
        [
          { id: 1, specs: { camera: "Arri", films: { title: "Alpha" } } },
          { id: 2, specs: null },
        ],
      ),
      get("a row whose columns are all null is a row", "/films?select=specs(camera)&id=eq.3", [
        { specs: { camera: null } },
      ]),
      get(
        "through a junction by its name",
        "/films?select=id,actors!roles(name)&id=eq.1&actors.order=name",
        [{ id: 1, actors: [{ name: "Kim" }, { name: "Lou" }] }],
      ),
      get(
        "through another, once for each of its rows",
        "/films?select=actors!stunts(name)&id=eq.1",
        [{ actors: [{ name: "Kim" }, { name: "Kim" }] }],
      ),
      get("by a key of two columns", "/halls?select=number,shows(id)&town=eq.Rome&order=number", [
        { number: 1, shows: [{ id: 1 }] },
        { number: 2, shows: [{ id: 2 }] },
      ]),
      get(
        "a table in itself: down by its name, up by its column",
        "/actors?select=name,actors(name),teacher_id(name)&id=eq.2",
        [{ name: "Lou", actors: [{ name: "Ned" }], teacher_id: { name: "Kim" } }],
      ),
      get(
        "there and back as often as it is asked for",
        "/films?select=directors(films(directors(name)))&id=eq.3",
        [{ directors: { films: [{ directors: { name: "Bo" } }] } }],
      ),
      get(
        "two keys told apart by constraint, by column, by name",
        "/letters?select=a:actors!letters_sender(name),b:actors!sent_to(name),letters_addressee(name),sent_by(name)&id=eq.1",
        [
          {
            a: { name: "Kim" },
            b: { name: "Lou" },
            letters_addressee: { name: "Lou" },
            sent_by: { name: "Kim" },
          },
        ],
      ),
      get(
        "and from the other side",
        "/actors?select=name,sent:letters!letters_sender(id),got:letters!sent_to(id)&id=eq.1",
        [{ name: "Kim", sent: [{ id: 1 }], got: [{ id: 2 }] }],
      ),
      get("a partitioned table", "/films?select=takings(amount)&id=eq.1&takings.order=day", [
        { takings: [{ amount: 10 }, { amount: 20 }] },
      ]),
      get(
        "a function over the row, one and many",
        "/directors?select=name,best_film(title),only_film(title)&id=lt.3&order=id",
        [
          { name: "Ada", best_film: { title: "Beta" }, only_film: { title: "Alpha" } },
          { name: "Bo", best_film: { title: "Gamma" }, only_film: { title: "Gamma" } },
        ],
      ),
      get(
        "a function below a key, and a key below a function",
        "/directors?select=films(id,remakes(id,directors(name)))&id=eq.1&films.id=eq.1",
        [{ films: [{ id: 1, remakes: [{ id: 4, directors: null }] }] }],
      ),
      get("a function that stands for a key", "/shows?select=id,halls(seats)&id=eq.1", [
        { id: 1, halls: null },
      ]),
      get(
        "views, in chains, and by other names",
        "/recent_titles?select=title,directors(name),roles(character)&film=eq.2",
        [{ title: "Beta", directors: { name: "Ada" }, roles: [{ character: "queen" }] }],
      ),
      get("a view of what is not exposed", "/films?select=id,vaults(shelf)&id=eq.1", [
        { id: 1, vaults: [{ shelf: "top" }] },
      ]),
      get("a materialized view", "/directors?select=summaries(title)&id=eq.2", [
        { summaries: [{ title: "Gamma" }] },
      ]),
      get(
        "a view and columns with hostile names",
        `/odd (names) {here}?select=${encodeURIComponent('"i d, (x) {y} \\\\ z",directors(name)')}&limit=1&order=${encodeURIComponent('"i d, (x) {y} \\\\ z"')}`,
        [{ "i d, (x) {y} \\ z": 1, directors: { name: "Ada" } }],
      ),
      get("one key of a table that others inherit from", "/depots?id=eq.1&order=name", [
        { id: 1, name: "new" },
        { id: 1, name: "old" },
      ]),
      get("a table that others inherit from", "/vans?select=id,depots(name)", [
        { id: 1, depots: { name: expect.stringMatching(/^(new|old)$/) } },
      ]),
      get(
        "the result of a function",
        "/rpc/films_of?year=2002&select=title,directors(name)&order=title",
        [
          { title: "Beta", directors: { name: "Ada" } },
          { title: "Gamma", directors: { name: "Bo" } },
        ],
      ),
    ],
    () => world,
  );
});

describe("filters, order and bounds of embedded levels", () => {
  runDataRows(
    [
      get(
        "a filter leaves the rows above",
        "/directors?select=id,films(id)&films.year=eq.2001&order=id",
        [
          { id: 1, films: [{ id: 1 }] },
          { id: 2, films: [] },
          { id: 3, films: [] },
        ],
      ),
      get(
        "order, limit and offset at each depth",
        "/directors?select=films(id,roles(fee))&films.order=id.desc&films.limit=1&films.offset=1&films.roles.order=fee.desc&films.roles.limit=1&id=eq.1",
        [{ films: [{ id: 1, roles: [{ fee: 100 }] }] }],
      ),
      get(
        "trees",
        "/directors?select=films(id)&films.or=(year.eq.2001,rating.gt.8)&films.not.and=(id.eq.9,id.eq.8)&films.order=id&id=eq.1",
        [{ films: [{ id: 1 }, { id: 2 }] }],
      ),
      get(
        "inner keeps rows that have some",
        "/directors?select=id,films!inner(id)&films.year=eq.2002&order=id",
        [
          { id: 1, films: [{ id: 2 }] },
          { id: 2, films: [{ id: 3 }] },
        ],
        {
          prefer: "count=exact",
          want: {
            body: [
              { id: 1, films: [{ id: 2 }] },
              { id: 2, films: [{ id: 3 }] },
            ],
            headers: { "content-range": "0-1/2" },
          },
        },
      ),
      get(
        "inner at two depths",
        "/directors?select=id,films!inner(roles!inner(fee))&films.roles.fee=gt.150",
        [{ id: 1, films: [{ roles: [{ fee: 200 }] }] }],
        { prefer: "count=exact" },
      ),
      get(
        "inner on the one side",
        "/films?select=id,directors!inner()&directors.name=eq.Bo",
        [{ id: 3 }],
        { prefer: "count=exact" },
      ),
      get(
        "inner with a page of its own",
        "/directors?select=id,films!inner(id)&films.offset=1&films.order=id",
        [{ id: 1, films: [{ id: 2 }] }],
      ),
      get(
        "inner by a function",
        "/directors?select=id,best_film!inner(id)&best_film.rating=gt.8",
        [{ id: 1, best_film: { id: 2 } }],
        {
          prefer: "count=exact",
          want: { body: [{ id: 1, best_film: { id: 2 } }], headers: { "content-range": "0-0/1" } },
        },
      ),
      get(
        "left says what is so anyway",
        "/directors?select=id,films!left(id)&films.id=eq.1&id=eq.2",
        [{ id: 2, films: [] }],
      ),
      get(
        "a hint and a join in either order",
        "/letters?select=id,actors!inner!sent_to(name),a:actors!sent_by!inner(id)&actors.name=eq.Lou",
        [{ id: 1, actors: { name: "Lou" }, a: { id: 1 } }],
      ),
      get("is.null asks for rows without", "/films?select=id,roles()&roles=is.null&order=id", [
        { id: 4 },
      ]),
      get(
        "not.is.null for rows with",
        "/films?select=id,directors()&directors=not.is.null&order=id",
        [{ id: 1 }, { id: 2 }, { id: 3 }],
      ),
      get(
        "a row of nothing but nulls is there",
        "/films?select=id,specs(camera)&specs=not.is.null&specs.camera=is.null",
        [{ id: 3, specs: { camera: null } }],
      ),
      get(
        "or across resources",
        "/films?select=id,d:directors(),roles()&d.name=eq.Bo&roles.fee=gt.150&or=(d.not.is.null,roles.not.is.null)&order=id",
        [{ id: 2 }, { id: 3 }],
        {
          prefer: "count=exact",
          want: { body: [{ id: 2 }, { id: 3 }], headers: { "content-range": "0-1/2" } },
        },
      ),
      get(
        "not and nested trees across resources",
        "/films?select=id,directors(),roles()&not.or=(directors.is.null,and(roles.is.null,id.eq.3))&order=id",
        [{ id: 1 }, { id: 2 }, { id: 3 }],
      ),
      get(
        "a null filter below another",
        "/directors?select=id,films(id,roles())&films.roles=not.is.null&films=not.is.null&films.order=id&order=id",
        [
          { id: 1, films: [{ id: 1 }, { id: 2 }] },
          { id: 2, films: [{ id: 3 }] },
        ],
      ),
      get(
        "a null filter by a function",
        "/films?select=id,remakes()&remakes=not.is.null&order=id",
        [{ id: 1 }, { id: 4 }],
        { prefer: "count=exact" },
      ),
      get(
        "order by the one related row",
        "/films?select=id,directors(name)&order=directors(name).desc.nullslast,id.desc",
        [
          { id: 3, directors: { name: "Bo" } },
          { id: 2, directors: { name: "Ada" } },
          { id: 1, directors: { name: "Ada" } },
          { id: 4, directors: null },
        ],
      ),
      get(
        "by a column of it that is not shown",
        "/films?select=id,directors()&order=directors(born).nullslast,id&limit=1",
        [{ id: 1 }],
      ),
      get(
        "by a path, below",
        "/directors?select=films(id,specs(camera))&films.order=specs(camera).desc.nullslast&id=eq.1",
        [
          {
            films: [
              { id: 1, specs: { camera: "Arri" } },
              { id: 2, specs: null },
            ],
          },
        ],
      ),
      get(
        "by what a function gives",
        "/directors?select=id,best_film(rating)&order=best_film(rating).desc.nullslast&limit=1",
        [{ id: 1, best_film: { rating: 9 } }],
      ),
      get(
        "the name that was asked for, or the alias",
        "/directors?select=id,f:films(id)&films.id=eq.2&f.year=eq.2002&id=eq.1",
        [{ id: 1, f: [{ id: 2 }] }],
      ),
      {
        name: "of which the first is deprecated",
        path: "/directors?select=f:films(t:trailers(url))&films.trailers.url=eq.x&f.id=eq.2&id=eq.1",
        want: {
          body: [{ f: [{ t: null }] }],
          headers: { warning: renamed("Update `films` to `f`, `trailers` to `t`") },
        },
      },
      {
        name: "and the other is not",
        path: "/directors?select=f:films(t:trailers(url))&f.t.url=eq.x&f.id=eq.2&id=eq.1",
        want: { body: [{ f: [{ t: null }] }], headers: { warning: null } },
      },
      get(
        "a column that is called as the row is inside",
        "/directors?select=films(_row:id)&films.order=id&id=eq.1",
        [{ films: [{ _row: 1 }, { _row: 2 }] }],
      ),
    ],
    () => world,
  );
});

describe("spread", () => {
  runDataRows(
    [
      get(
        "the one side, renamed and whole",
        "/films?select=id,...directors(by:name,born)&id=in.(1,4)&order=id",
        [
          { id: 1, by: "Ada", born: "1900-01-01" },
          { id: 4, by: null, born: null },
        ],
      ),
      get("all of its columns", "/specs?select=...films(...directors(*))&film_id=eq.1", [
        { id: 1, name: "Ada", born: "1900-01-01" },
      ]),
      get(
        "through the junction",
        "/films?select=title,cast:roles(character,...actors(name))&id=eq.1&cast.order=character",
        [
          {
            title: "Alpha",
            cast: [
              { character: "hero", name: "Kim" },
              { character: "villain", name: "Lou" },
            ],
          },
        ],
      ),
      get(
        "inner, filtered and ordered by",
        "/films?select=id,...directors!inner(by:name)&directors.name=neq.Bo&order=directors(by),id.desc",
        [
          { id: 2, by: "Ada" },
          { id: 1, by: "Ada" },
        ],
      ),
      get(
        "with an object inside",
        "/roles?select=character,...films(title,directors(name))&fee=eq.200",
        [{ character: "queen", title: "Beta", directors: { name: "Ada" } }],
      ),
      get(
        "of the many side are lists of one order",
        "/directors?select=name,...films(titles:title,years:year)&films.order=title.desc&order=id",
        [
          { name: "Ada", titles: ["Beta", "Alpha"], years: [2002, 2001] },
          { name: "Bo", titles: ["Gamma"], years: [2002] },
          { name: "Cy", titles: [], years: [] },
        ],
      ),
      get("keep nulls", "/directors?select=...films(rating,mood)&id=eq.2", [
        { rating: [6], mood: [null] },
      ]),
      get("all of the many side", "/actors?select=...stunts(*)&id=eq.3", [
        { film_id: [2], actor_id: [3], take: [1] },
      ]),
      get(
        "many-to-many, filtered and bounded",
        "/films?select=...actors!roles(names:name)&actors.order=name.desc&actors.limit=1&id=eq.1",
        [{ names: ["Lou"] }],
      ),
      get(
        "one inside many, and many inside many",
        "/directors?select=name,...films(title,...specs(camera),...roles(character))&films.order=id&films.roles.order=character&id=eq.1",
        [
          {
            name: "Ada",
            title: ["Alpha", "Beta"],
            camera: ["Arri", null],
            character: [["hero", "villain"], ["queen"]],
          },
        ],
      ),
      get(
        "objects inside many",
        "/directors?select=...films(specs(camera))&films.order=id&id=eq.1",
        [{ specs: [{ camera: "Arri" }, null] }],
      ),
      get("many, inner", "/directors?select=name,...films!inner(title)&films.year=eq.2001", [
        { name: "Ada", title: ["Alpha"] },
      ]),
      get("many with a null filter", "/directors?select=name,...films(title)&films=is.null", [
        { name: "Cy", title: [] },
      ]),
      get("what a function gives", "/directors?select=name,...best_film(title)&id=eq.1", [
        { name: "Ada", title: "Beta" },
      ]),
      get("many of a function", "/films?select=id,...remakes(others:id)&id=eq.1", [
        { id: 1, others: [4] },
      ]),
      get("nothing", "/films?select=id,...directors()&id=eq.1", [{ id: 1 }]),
      get("in CSV", "/films?select=id,...directors(by:name)&id=eq.1", "id,by\n1,Ada", {
        accept: "text/csv",
      }),
    ],
    () => world,
  );
});

describe("refusals", () => {
  const searched = (a: string, b: string, hint = "") =>
    `Searched for a foreign key relationship between '${a}' and '${b}'${hint} in the schema 'public', but no matches were found.`;
  const between = (a: string, b: string) =>
    `Could not find a relationship between '${a}' and '${b}' in the schema cache`;
  runDataRows(
    [
      fails(
        "an unknown resource",
        "/films?select=zzzz(id)",
        400,
        fault("PGRST200", between("films", "zzzz"), searched("films", "zzzz")),
      ),
      fails(
        "a name like a resource's",
        "/films?select=director(id)",
        400,
        fault(
          "PGRST200",
          between("films", "director"),
          searched("films", "director"),
          "Perhaps you meant 'directors' instead of 'director'.",
        ),
      ),
      fails(
        "a table without relationships, named like one that has",
        "/everybody?select=films(id)",
        400,
        expect.objectContaining({ code: "PGRST200" }),
      ),
      fails(
        "a hint that leads nowhere",
        "/films?select=directors!zz(id)",
        400,
        fault(
          "PGRST200",
          between("films", "directors"),
          searched("films", "directors", " using the hint 'zz'"),
        ),
      ),
      fails("two keys", "/letters?select=actors(name)", 300, {
        code: "PGRST201",
        message:
          "Could not embed because more than one relationship was found for 'letters' and 'actors'",
        details: [
          {
            cardinality: "many-to-one",
            embedding: "letters with actors",
            relationship: "letters_addressee using letters(sent_to) and actors(id)",
          },
          {
            cardinality: "many-to-one",
            embedding: "letters with actors",
            relationship: "letters_sender using letters(sent_by) and actors(id)",
          },
        ],
        hint: "Try changing 'actors' to one of the following: 'actors!letters_addressee', 'actors!letters_sender'. Find the desired relationship in the 'details' key.",
      }),
      fails(
        "two junctions, a view over one of them",
        "/actors?select=films(id)",
        300,
        expect.objectContaining({
          details: ["cast_list", "roles", "stunts"].map((junction) => ({
            cardinality: "many-to-many",
            embedding: "actors with films",
            relationship: `${junction} using ${junction === "stunts" ? "stunts" : "roles"}_actor_id_fkey(actor_id) and ${junction === "stunts" ? "stunts" : "roles"}_film_id_fkey(film_id)`,
          })),
          hint: "Try changing 'films' to one of the following: 'films!cast_list', 'films!roles', 'films!stunts'. Find the desired relationship in the 'details' key.",
        }),
      ),
      fails(
        "a column that a view shows twice",
        "/twice?select=directors(name)",
        300,
        expect.objectContaining({ code: "PGRST201" }),
      ),
      fails(
        "a filter of what is not embedded",
        "/films?select=id&directors.name=eq.a",
        400,
        fault(
          "PGRST108",
          "'directors' is not an embedded resource in this request",
          null,
          "Verify that 'directors' is included in the 'select' query parameter.",
        ),
      ),
      fails(
        "an order by what is not embedded",
        "/films?select=id&order=directors(name)",
        400,
        expect.objectContaining({ code: "PGRST108" }),
      ),
      fails(
        "an order by many rows",
        "/directors?select=id,f:films(id)&order=f(id)",
        400,
        fault(
          "PGRST118",
          "A related order on 'f' is not possible",
          "'directors' and 'f' do not form a many-to-one or one-to-one relationship",
        ),
      ),
      fails(
        "an operator on a resource",
        "/films?select=id,directors()&directors=eq.1",
        400,
        expect.objectContaining({ code: "PGRST120" }),
      ),
    ],
    () => world,
  );

  test("what the row above may not show cannot be embedded by it", async () => {
    const answer = await world.ask("/staff?select=id,directors(name)");
    expect(answer.status).toBe(401);
    expect(await answer.json()).toEqual(fault("42501", "permission denied for table staff"));
  });

  test("another schema's tables are not embedded, but what a function of this one returns", async () => {
    const both = await openDataWorld(
      { require_rls: false, db_schemas: ["public", "other"] },
      [],
      "test/data/reading.fixture.sql",
    );
    const ask = async (path: string, profile: string) => {
      const answer = await both.ask(path, { headers: { "accept-profile": profile } });
      return [answer.status, await answer.json()] as const;
    };
    const [status, body] = await ask("/directors?select=prizes(id)", "public");
    expect([status, body]).toEqual([400, expect.objectContaining({ code: "PGRST200" })]);
    expect(await ask("/prizes?select=id,directors(name)", "other")).toEqual([
      400,
      expect.objectContaining({ code: "PGRST200" }),
    ]);
    expect(await ask("/prizes?select=id,winner(name),gifts(id)", "other")).toEqual([
      200,
      [{ id: 1, winner: { name: "Ada" }, gifts: [{ id: 7 }] }],
    ]);
    await both.close();
  });
});
