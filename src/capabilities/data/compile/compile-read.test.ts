import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { readQueryString } from "../parse/query-string.ts";
import { buildSchema } from "../schema/build-schema.ts";
import { ambiguousSchema, shopRows, shopSchema } from "../schema/shop-schema.fixture.ts";
import { compile, failure, inner, LIMITS } from "./compile-search.fixture.ts";

describe("a read", () => {
  const C = '"public"."clients"';
  const cases: [search: string, sql: string, params: string[]][] = [
    ["", `select ${C}.* from ${C} limit 1000`, []],
    ["id=eq.5", `select ${C}.* from ${C} where ${C}."id" = $1`, ["5"]],
    ["id=not.gte.5", `select ${C}.* from ${C} where not (${C}."id" >= $1) limit 1000`, ["5"]],
    ["name=like.a*b", `select ${C}.* from ${C} where ${C}."name" like $1 limit 1000`, ["a%b"]],
    [
      "name=ilike(any).{a*,b}",
      `select ${C}.* from ${C} where ${C}."name" ilike any ($1) limit 1000`,
      ["{a%,b}"],
    ],
    [
      'id=in.(1,"a,b")',
      `select ${C}.* from ${C} where ${C}."id" = any ($1) limit 1000`,
      ['{"1","a,b"}'],
    ],
    ["id=in.()", `select ${C}.* from ${C} where ${C}."id" = any ($1) limit 1000`, ["{}"]],
    ["id=is.null", `select ${C}.* from ${C} where ${C}."id" is null limit 1000`, []],
    ["id=not.is.TRUE", `select ${C}.* from ${C} where not (${C}."id" is true) limit 1000`, []],
    [
      "id=isdistinct.3",
      `select ${C}.* from ${C} where ${C}."id" is distinct from $1 limit 1000`,
      ["3"],
    ],
    ["tags=cs.{a}", `select ${C}.* from ${C} where ${C}."tags" @> $1 limit 1000`, ["{a}"]],
    [
      "data->a->>b=eq.x",
      `select ${C}.* from ${C} where (${C}."data"->'a'->>'b') = $1 limit 1000`,
      ["x"],
    ],
    [
      "name=fts(english).cat",
      `select ${C}.* from ${C} where pg_catalog.to_tsvector('english'::pg_catalog.regconfig, ${C}."name") @@ pg_catalog.to_tsquery('english'::pg_catalog.regconfig, $1) limit 1000`,
      ["cat"],
    ],
    [
      "or=(id.eq.1,and(id.gt.2,not.or(name.eq.a,id.in.(1,2))))",
      `select ${C}.* from ${C} where (${C}."id" = $1 or (${C}."id" > $2 and not (${C}."name" = $3 or ${C}."id" = any ($4)))) limit 1000`,
      ["1", "2", "a", '{"1","2"}'],
    ],
    ["not.and=(id.eq.1)", `select ${C}.* from ${C} where not (${C}."id" = $1) limit 1000`, ["1"]],
    [
      "select=id,n:name,name::varchar,data->tags->0,x:data->>k",
      `select ${C}."id", ${C}."name" as "n", cast(${C}."name" as "varchar") as "name", (${C}."data"->'tags'->(0)) as "tags", (${C}."data"->>'k') as "x" from ${C} limit 1000`,
      [],
    ],
    [
      "order=name.desc.nullslast,id",
      `select ${C}.* from ${C} order by ${C}."name" desc nulls last, ${C}."id" limit 1000`,
      [],
    ],
    [
      "select=tags->0",
      `select (pg_catalog.to_jsonb(${C}."tags")->(0)) as "tags" from ${C} limit 1000`,
      [],
    ],
  ];
  test.each(cases)("of ?%s is the SQL written here", (search, sql, params) => {
    expect(inner("clients", search)).toBe(sql);
    expect(compile("clients", search).params).toEqual(params);
  });

  test("embeds the one side as an object and the many side as a list, for the rows answered", () => {
    expect(inner("projects", "select=id,clients(name)")).toBe(
      'select "public"."projects"."id", (select pg_catalog.row_to_json(_row.*) from (select "clients_1"."name" from "public"."clients" as "clients_1" where "clients_1"."id" = "public"."projects"."client_id" limit 1) as _row) as "clients" from "public"."projects" limit 1000',
    );
    expect(inner("clients", "select=id,p:projects(id)&p.id=gt.3&p.order=id&p.limit=2")).toBe(
      'select "public"."clients"."id", (select coalesce(pg_catalog.json_agg(_row.*), \'[]\') from (select "projects_1"."id" from "public"."projects" as "projects_1" where "projects_1"."client_id" = "public"."clients"."id" and "projects_1"."id" > $2 order by "projects_1"."id" limit $1) as _row) as "p" from "public"."clients" limit 1000',
    );
  });

  test("an inner embed keeps rows by EXISTS, by a join where a page or one row is meant", () => {
    const exists =
      'exists (select from "public"."projects" as "projects_1" where "projects_1"."client_id" = "public"."clients"."id" and "projects_1"."id" > $1)';
    expect(inner("clients", "select=id,projects!inner(id)&projects.id=gt.3")).toContain(
      ` from "public"."clients" where ${exists} limit 1000`,
    );
    expect(inner("clients", "select=id,projects!inner(id)&projects.limit=2")).toContain(
      'from "public"."clients" inner join lateral (select pg_catalog.count(*) as pgrst_rows, pg_catalog.json_agg(_row.*) as pgrst_list from (select "projects_1"."id" from "public"."projects" as "projects_1" where "projects_1"."client_id" = "public"."clients"."id" limit $1) as _row) as "pgrst_1" on "pgrst_1".pgrst_rows > 0 limit 1000',
    );
    expect(inner("projects", "select=id,clients!inner(name)")).toBe(
      'select "public"."projects"."id", pg_catalog.row_to_json("pgrst_1".*) as "clients" from "public"."projects" inner join lateral (select "clients_1"."name" from "public"."clients" as "clients_1" where "clients_1"."id" = "public"."projects"."client_id") as "pgrst_1" on true limit 1000',
    );
  });

  test("counts the rows that inner embeds leave, at every level", () => {
    const { sql } = compile(
      "clients",
      "select=projects!inner(tasks!inner(id))",
      shopSchema,
      "exact",
    );
    expect(sql).toContain(
      '(select pg_catalog.count(*) from (select 1 from "public"."clients" where exists (select from "public"."projects" as "projects_1" where "projects_1"."client_id" = "public"."clients"."id" and exists (select from "public"."tasks" as "tasks_2" where "tasks_2"."project_id" = "projects_1"."id"))) as _counted)',
    );
  });

  test("goes through a junction table to the far side", () => {
    expect(inner("tasks", "select=users(name)")).toContain(
      'from "public"."users" as "users_1", "public"."task_users" as "junction_1" where "junction_1"."task_id" = "public"."tasks"."id" and "users_1"."id" = "junction_1"."user_id"',
    );
  });

  test("reads a self reference downwards by name and upwards by column", () => {
    expect(inner("tasks", "select=tasks(id)")).toContain(
      '"tasks_1"."parent_id" = "public"."tasks"."id"',
    );
    expect(inner("tasks", "select=parent_id(id)")).toContain(
      '"tasks_1"."id" = "public"."tasks"."parent_id"',
    );
  });

  test("filters on whether anything was embedded, in trees too", () => {
    const exists =
      'exists (select from "public"."projects" as "projects_1" where "projects_1"."client_id" = "public"."clients"."id")';
    expect(inner("clients", "select=id,projects()&projects=not.is.null")).toBe(
      `select "public"."clients"."id" from "public"."clients" where ${exists} limit 1000`,
    );
    expect(inner("clients", "select=id,projects()&projects=is.null")).toContain(
      ` where not (${exists}) `,
    );
    expect(inner("clients", "select=id,p:projects()&or=(p.not.is.null,id.eq.1)")).toContain(
      ` where (${exists} or "public"."clients"."id" = $1) `,
    );
    expect(failure(() => compile("clients", "select=projects()&projects=eq.1")).code).toBe(
      "PGRST120",
    );
  });

  test("a column of the same name as an embed is meant by everything but is.null", () => {
    const search = (filter: string) => `select=id,client_id(name)&client_id=${filter}`;
    expect(inner("projects", search("eq.2"))).toContain(
      'where "public"."projects"."client_id" = $1',
    );
    expect(inner("projects", search("is.null"))).toContain("where not (exists (select from");
  });

  test("orders by a column of the one related row, as it is shown or else as it is", () => {
    expect(inner("projects", "select=id,clients()&order=clients(name).desc")).toContain(
      'order by (select "clients_1"."name" from "public"."clients" as "clients_1" where "clients_1"."id" = "public"."projects"."client_id") desc',
    );
    const shown = inner(
      "projects",
      "select=id,clients(n:name,data)&order=clients(n),clients(data->a)",
    );
    expect(shown).toContain('left join lateral (select "clients_1"."name" as "n", ');
    expect(shown).toContain(`order by "pgrst_1"."n", ("pgrst_1"."data"->'a') limit 1000`);
    expect(failure(() => compile("clients", "select=projects()&order=projects(id)")).code).toBe(
      "PGRST118",
    );
    expect(failure(() => compile("projects", "select=id&order=clients(id)")).code).toBe("PGRST108");
  });

  test("a spread of one row is a join, of many a list for each column", () => {
    expect(inner("projects", "select=id,...clients(by:name)")).toBe(
      'select "public"."projects"."id", "pgrst_1"."by" as "by" from "public"."projects" left join lateral (select "clients_1"."name" as "by" from "public"."clients" as "clients_1" where "clients_1"."id" = "public"."projects"."client_id") as "pgrst_1" on true limit 1000',
    );
    expect(inner("clients", "select=id,...projects(name)&projects.order=id")).toBe(
      'select "public"."clients"."id", "pgrst_1"."name" as "name" from "public"."clients" left join lateral (select pg_catalog.count(*) as pgrst_rows, coalesce(pg_catalog.json_agg(_row."name"), \'[]\') as "name" from (select "projects_1"."name" from "public"."projects" as "projects_1" where "projects_1"."client_id" = "public"."clients"."id" order by "projects_1"."id" limit 1000) as _row) as "pgrst_1" on true limit 1000',
    );
  });

  test("aggregates group by place, those of a spread of one row move up", () => {
    expect(inner("projects", "select=n:name,id.sum()::text,count()")).toBe(
      'select "public"."projects"."name" as "n", cast(pg_catalog.sum("public"."projects"."id") as "text") as "sum", pg_catalog.count(*) as "count" from "public"."projects" group by 1 limit 1000',
    );
    expect(inner("projects", "select=...clients(name,id.max(),count())")).toBe(
      'select "pgrst_1"."name" as "name", pg_catalog.max("pgrst_1"."max") as "max", pg_catalog.count("pgrst_1"."count") as "count" from "public"."projects" left join lateral (select "clients_1"."name", "clients_1"."id" as "max", 1 as "count" from "public"."clients" as "clients_1" where "clients_1"."id" = "public"."projects"."client_id") as "pgrst_1" on true group by 1 limit 1000',
    );
  });

  test("without any bound the one side is a join", () => {
    expect(inner("projects", "select=id,clients(name)", shopSchema, null)).toBe(
      'select "public"."projects"."id", pg_catalog.row_to_json("pgrst_1".*) as "clients" from "public"."projects" left join lateral (select "clients_1"."name" from "public"."clients" as "clients_1" where "clients_1"."id" = "public"."projects"."client_id") as "pgrst_1" on true',
    );
  });

  test("an alias or the name that was asked for leads to an embed", () => {
    const byName = inner("clients", "select=p:projects(id)&projects.id=eq.1&p.name=eq.a");
    expect(byName).toContain('"projects_1"."id" = $1 and "projects_1"."name" = $2');
  });

  test("names the tables that no policy guards, embedded ones too", () => {
    expect(compile("open_view", "").unprotected.map((t) => t.name)).toEqual(["open_view"]);
    expect(compile("clients", "").unprotected).toEqual([]);
    const open = (...names: string[]) =>
      buildSchema(1, {
        ...shopRows,
        tables: shopRows.tables.map((t) => ({ ...t, is_protected: !names.includes(t.name) })),
      });
    const embedding: [select: string, table: string][] = [
      ["projects(id)", "projects"],
      ["projects(tasks(id))", "tasks"],
      ["...projects(name)", "projects"],
      ["projects()&projects=is.null", "projects"],
      ["projects(tasks(users(name)))", "users"],
      ["projects(tasks(users(name)))", "task_users"],
    ];
    for (const [select, table] of embedding) {
      const { unprotected } = compile("clients", `select=id,${select}`, open(table));
      expect([select, unprotected.map((t) => t.name)]).toEqual([select, [table]]);
    }
  });
});

describe("a request shape", () => {
  test("is the same for other values and another for another structure", () => {
    const key = (search: string) => readQueryString(search, LIMITS).skeleton;
    expect(key("id=eq.1&name=in.(a,b)&or=(id.gt.1,id.lt.0)")).toBe(
      key("id=eq.2&name=in.(c)&or=(id.gt.9,id.lt.8)"),
    );
    const different = [
      "id=eq.1",
      "id=neq.1",
      "id=not.eq.1",
      "id=eq(any).{1}",
      "name=eq.1",
      "or=(id.eq.1)",
      "and=(id.eq.1)",
      "order=id",
      "select=id",
      "id=is.null",
      "id=is.true",
      "a.limit=1",
      "a.offset=1",
      "id=fts.1",
      "id=fts(a).1",
    ];
    expect(new Set(different.map(key)).size).toBe(different.length);
  });

  test("gives one SQL text: equal skeletons never compile differently", () => {
    const seen = new Map<string, string>();
    const name = fc.constantFrom("id", "name", "data->>k", "%69d");
    const filter = fc
      .tuple(name, fc.constantFrom("eq.", "not.eq.", "gt.", "like.", "eq(any)."), fc.string())
      .map(([n, op, value]) => `${n}=${op}${encodeURIComponent(value)}`);
    fc.assert(
      fc.property(fc.array(filter, { maxLength: 3 }), (filters) => {
        const search = filters.join("&");
        const { sql, raw } = compile("clients", search);
        const known = seen.get(raw.skeleton);
        if (known !== undefined) expect(sql).toBe(known);
        seen.set(raw.skeleton, sql);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("errors", () => {
  const cases: [
    table: string,
    search: string,
    code: string,
    message: string,
    details: string | null,
  ][] = [
    [
      "clients",
      "id=0",
      "PGRST100",
      '"failed to parse filter (0)" (line 1, column 1)',
      'unexpected "0" expecting "not" or operator (eq, gt, ...)',
    ],
    [
      "clients",
      "id=not.foo.1",
      "PGRST100",
      '"failed to parse filter (not.foo.1)" (line 1, column 5)',
      'unexpected "f" expecting operator (eq, gt, ...)',
    ],
    [
      "clients",
      "id=is.ok",
      "PGRST100",
      '"failed to parse filter (is.ok)" (line 1, column 4)',
      'unexpected "o" expecting isVal: (null, not_null, true, false, unknown)',
    ],
    [
      "clients",
      "id=in.1,2",
      "PGRST100",
      '"failed to parse filter (in.1,2)" (line 1, column 4)',
      'unexpected "1" expecting "("',
    ],
    [
      "clients",
      "order=id.ac",
      "PGRST100",
      '"failed to parse order (id.ac)" (line 1, column 4)',
      'unexpected "c" expecting "asc", "desc", "nullsfirst" or "nullslast"',
    ],
    [
      "clients",
      "select=id,",
      "PGRST100",
      '"failed to parse select parameter (id,)" (line 1, column 4)',
      "unexpected end of input expecting field name (* or [a..z0..9_$])",
    ],
    [
      "clients",
      "nope.id=eq.1",
      "PGRST108",
      "'nope' is not an embedded resource in this request",
      null,
    ],
    [
      "clients",
      "select=id,...projects(client_id,id.sum())",
      "PGRST127",
      "Feature not implemented",
      "Aggregates are not implemented for one-to-many or many-to-many spreads.",
    ],
    [
      "clients",
      "limit=-1",
      "PGRST103",
      "Requested range not satisfiable",
      "Limit should be greater than or equal to zero.",
    ],
    [
      "clients",
      "id=eq.%ff",
      "PGRST100",
      '"failed to parse the query string" (line 1, column 1)',
      "unexpected percent-encoding that is not UTF-8",
    ],
    [
      "clients",
      "select=project(id)",
      "PGRST200",
      "Could not find a relationship between 'clients' and 'project' in the schema cache",
      "Searched for a foreign key relationship between 'clients' and 'project' in the schema 'public', but no matches were found.",
    ],
  ];
  test.each(cases)("of %s?%s is %s", (table, search, code, message, details) => {
    const error = failure(() => compile(table, search));
    expect([error.code, error.message, error.details]).toEqual([code, message, details]);
  });

  test("an ambiguous embedding lists every relationship and how to name it", () => {
    const error = failure(() => compile("projects", "select=clients(id)", ambiguousSchema));
    expect(error.status).toBe(300);
    expect<unknown>(error.body()).toEqual({
      code: "PGRST201",
      message:
        "Could not embed because more than one relationship was found for 'projects' and 'clients'",
      details: [
        {
          cardinality: "many-to-one",
          embedding: "projects with clients",
          relationship: "projects_billed_to_fkey using projects(billed_to) and clients(id)",
        },
        {
          cardinality: "many-to-one",
          embedding: "projects with clients",
          relationship: "projects_client_id_fkey using projects(client_id) and clients(id)",
        },
      ],
      hint: "Try changing 'clients' to one of the following: 'clients!projects_billed_to_fkey', 'clients!projects_client_id_fkey'. Find the desired relationship in the 'details' key.",
    });
    expect(inner("projects", "select=clients!billed_to(id)", ambiguousSchema)).toContain(
      '"projects"."billed_to"',
    );
  });

  test("embedding deeper than allowed is refused", () => {
    const deep = `select=${"projects(clients(".repeat(3)}id${")".repeat(6)}`;
    expect(failure(() => compile("clients", deep)).code).toBe("embed_too_deep");
  });

  test("more resources than a database plans in good time are refused, on whatever level", () => {
    const wide = (count: number) =>
      `select=clients(${Array.from({ length: count }, (_, i) => `p${i}:projects(id)`).join(",")})`;
    expect(compile("projects", wide(49)).sql).toContain('as "p48"');
    expect(failure(() => compile("projects", wide(50))).code).toBe("too_many_embeds");
  });

  test("orders by embedded resources, which repeat their filters, are few", () => {
    const order = (count: number) =>
      `select=clients(id)&order=${Array(count).fill("clients(name)").join(",")}`;
    expect(compile("projects", order(8)).sql).toContain("order by");
    expect(failure(() => compile("projects", order(9))).code).toBe("too_many_related_orders");
  });
});
