/** What is read of a database's catalogue, and that a login role without any right reads the same. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import postgres, { type Sql } from "postgres";
import { buildSchema } from "../../src/capabilities/data/schema/build-schema.ts";
import {
  mediaHandlerKey,
  type Relationship,
  representationKey,
  type Schema,
  type Table,
  tableKey,
} from "../../src/capabilities/data/schema/schema.ts";
import { readCatalog } from "../../src/capabilities/data/store.ts";
import { parseDatabaseUrl, postgresJsOptions } from "../../src/postgres/url.ts";
import { openShopDatabase } from "./data-world.ts";

const SCOPE = {
  schemas: ["public"],
  extraSearchPath: ["extensions"],
  timezones: null,
  channel: null,
};
/** Owns nothing, may become `anon`: what PostgREST asks for. */
const PLAIN = "plain_authenticator";

let sql: Sql;
let plain: Sql;
let schema: Schema;

beforeAll(async () => {
  const opened = await openShopDatabase("test/data/reading.fixture.sql");
  sql = opened.sql;
  await sql.unsafe(`
    drop role if exists ${PLAIN};
    create role ${PLAIN} login noinherit;
    grant anon to ${PLAIN};
    create role catalog_clerk nologin noinherit;
    grant catalog_clerk to ${PLAIN}, authenticator;
    alter role catalog_clerk set statement_timeout = '5s';
    alter role catalog_clerk set default_transaction_isolation = 'REPEATABLE READ';
    alter role catalog_clerk set app.lang = 'No';
    alter role catalog_clerk set log_statement = 'all';
    alter role catalog_clerk in database "${opened.database.name}" set app.lang = 'Here';
    comment on schema public is 'All that is shown';
  `);
  const address = postgresJsOptions(parseDatabaseUrl(opened.database.url));
  plain = postgres({ ...address, username: PLAIN, max: 1 });
  schema = buildSchema(1, await readCatalog(sql, { ...SCOPE, login: "authenticator" }));
});

afterAll(async () => {
  await plain.end();
  await sql.unsafe(`
    reassign owned by catalog_clerk to current_user;
    drop owned by catalog_clerk, ${PLAIN};
    drop role catalog_clerk, ${PLAIN};
  `);
  await sql.end();
});

function table(name: string): Table {
  const found = schema.tables.get(tableKey("public", name));
  if (!found) throw new Error(name);
  return found;
}

/** `target by columns`, sorted. */
function ways(origin: string): string[] {
  const all = schema.relationships.get(tableKey("public", origin)) ?? [];
  return all.map(wayOf).sort();
}

function wayOf(r: Relationship): string {
  const by =
    r.kind === "computed" ? `${r.function.name}()` : `${r.originColumns} > ${r.targetColumns}`;
  return `${r.cardinality} ${r.target.name} by ${by}`;
}

describe("the catalogue", () => {
  test("a role that owns nothing and may read nothing reads the same picture", async () => {
    const own = await readCatalog(sql, { ...SCOPE, login: PLAIN });
    const others = await readCatalog(plain, { ...SCOPE, login: PLAIN });
    expect(others).toEqual(own);
  });

  test("a name that is no role stands for the role that reads", async () => {
    const { roles } = await readCatalog(plain, { ...SCOPE, login: "postgres.pooler" });
    expect(roles.map((r) => r.name).sort()).toEqual(["anon", "catalog_clerk", PLAIN].sort());
  });

  test("columns come with all that is known of them", () => {
    const { columns, description, kind } = table("films");
    expect(kind).toBe("table");
    expect(description).toBeNull();
    expect(table("directors").description).toBe("Who films");
    expect(table("directors").columns.get("born")?.description).toBe("As the passport says");
    expect(columns.get("id")).toEqual({
      name: "id",
      type: "integer",
      baseType: "integer",
      domain: null,
      defaultSql: "nextval('public.films_id_seq'::regclass)",
      nullable: false,
      description: null,
      maxLength: null,
      enumValues: [],
      position: 1,
      generated: "identity default",
    });
    expect(columns.get("title")).toMatchObject({ type: "character varying(40)", maxLength: 40 });
    expect(columns.get("poster")).toMatchObject({ domain: "public.color", baseType: "integer" });
    expect(columns.get("mood")).toMatchObject({ enumValues: ["grim", "gay"] });
    expect(columns.get("age")).toMatchObject({ generated: "always", defaultSql: null });
  });

  test("partitions stay behind their parent", () => {
    expect(table("takings").kind).toBe("partitioned table");
    expect(schema.tables.has(tableKey("public", "takings_2020"))).toBe(false);
    expect(ways("takings")).toContain("many-to-one films by film_id > id");
    expect(ways("films").filter((w) => w.includes("takings"))).toEqual([
      "one-to-many takings by id > film_id",
    ]);
  });

  test("views have the primary key of the tables under them, where they show all of it", () => {
    expect(table("film_titles").primaryKey).toEqual(["film"]);
    expect(table("recent_titles").primaryKey).toEqual(["film"]);
    expect(table("vaults").primaryKey).toEqual(["id"]);
    expect(table("summaries").primaryKey).toEqual(["id"]);
    expect(table("cast_list").primaryKey).toEqual(["film_id", "actor_id"]);
    expect(table("counted").primaryKey).toEqual([]);
    expect(table("everybody").primaryKey).toEqual([]);
  });

  test("descriptions of schemas, and the time zones, are known", () => {
    expect([...schema.descriptions]).toEqual([["public", "All that is shown"]]);
    expect(schema.timezones.has("UTC")).toBe(true);
  });
});

describe("relationships", () => {
  test("keys are seen from both ends, one-to-one where they are unique", () => {
    expect(ways("specs")).toContain("one-to-one films by film_id > id");
    expect(ways("films")).toContain("one-to-one specs by id > film_id");
    expect(ways("films")).toContain("one-to-one trailers by id > film_id");
    expect(ways("shows")).not.toContain("many-to-one halls by town,number > town,number");
    expect(ways("halls")).toContain("one-to-many shows by town,number > town,number");
  });

  test("keys are followed through views, whatever the view calls the columns", () => {
    expect(ways("film_titles")).toContain("many-to-one directors by by > id");
    expect(ways("recent_titles")).toContain("many-to-one directors by by > id");
    expect(ways("directors")).toContain("one-to-many recent_titles by id > by");
    expect(ways("film_titles")).toContain("one-to-many roles by film > film_id");
    expect(ways("summaries")).toContain("many-to-one directors by director_id > id");
    expect(ways("with_cte")).toContain("many-to-one directors by director_id > id");
    expect(ways("odd (names) {here}")).toContain("many-to-one directors by <> :resno 7 > id");
    expect(ways("cast_list")).toContain("many-to-one films by film_id > id");
    expect(ways("cast_list")).toContain("many-to-one film_titles by film_id > film");
  });

  test("a table that is not exposed is reached by its view alone", () => {
    expect(ways("vaults")).toContain("many-to-one films by film_id > id");
    expect(ways("films")).toContain("one-to-many vaults by id > film_id");
  });

  test("a column that a view shows twice makes two ways", () => {
    expect(ways("twice").filter((w) => w.includes(" directors "))).toEqual([
      "many-to-one directors by one > id",
      "many-to-one directors by two > id",
    ]);
  });

  test("a view of a union has none", () => {
    expect(ways("everybody")).toEqual([]);
  });

  test("junctions join what their primary key refers to, views over them too", () => {
    const to = schema.relationships.get(tableKey("public", "films")) ?? [];
    const junctions = to.flatMap((r) =>
      r.kind === "foreign key" && r.junction && r.target.name === "actors"
        ? [r.junction.table.name]
        : [],
    );
    expect(junctions.sort()).toEqual(["cast_list", "roles", "stunts"]);
  });

  test("functions over a row take the place of detected ways of their name", () => {
    expect(ways("directors")).toContain("many-to-one films by best_film()");
    expect(ways("directors")).toContain("many-to-one films by only_film()");
    expect(ways("films")).toContain("one-to-many films by remakes()");
    expect(ways("shows").filter((w) => w.includes(" halls "))).toEqual([
      "many-to-one halls by halls()",
    ]);
  });
});

describe("functions", () => {
  const fn = (name: string) => schema.functions.get(tableKey("public", name))?.[0];

  test("come with their facts", () => {
    expect(fn("facts")).toEqual({
      schema: "public",
      name: "facts",
      description: "All of them",
      parameters: [
        { name: "a", type: "integer", castType: "integer", required: true, variadic: false },
        {
          name: "b",
          type: "character",
          castType: "character varying",
          required: false,
          variadic: false,
        },
        { name: "c", type: "text[]", castType: "text[]", required: false, variadic: true },
      ],
      returnsSet: true,
      returnsComposite: true,
      returnsTable: null,
      returnsVoid: false,
      returnType: "record",
      returnsBinary: false,
      outColumns: [
        { name: "d", type: "integer" },
        { name: "e", type: "text" },
      ],
      volatility: "stable",
      isolation: "serializable",
      settings: [
        ["work_mem", "5MB"],
        ["app.x", "Y"],
      ],
      mediaType: null,
    });
    expect(fn("films_of")?.returnsTable).toBe(table("films"));
    expect(fn("page")).toMatchObject({ mediaType: "text/html" });
  });

  test("without names cannot be called, but for one that takes a body", () => {
    expect(fn("two_unnamed")).toBeUndefined();
    expect(fn("one_unnamed")).toBeUndefined();
    expect(fn("one_body")?.parameters).toHaveLength(1);
  });

  test("that cast a domain represent it", () => {
    expect(schema.representations.get(representationKey("public.color", "json"))).toBe(
      "public.color_to_json",
    );
    expect(schema.representations.get(representationKey("text", "public.color"))).toBe(
      "public.color_from_text",
    );
    expect(schema.representations.get(representationKey("json", "public.color"))).toBe(
      "public.color_from_json",
    );
  });

  test("that aggregate rows into a media type handle it", () => {
    const target = { schema: "public", name: "films" };
    expect(schema.mediaHandlers.get(mediaHandlerKey("application/x-films", target))).toMatchObject({
      name: "film_list",
      contentType: "application/x-films",
    });
  });
});

describe("roles", () => {
  test("that the login may become come with what they set, if the login may set it", () => {
    expect(schema.roles.get("catalog_clerk")).toEqual({
      bypassRls: false,
      isolation: "repeatable read",
      settings: [
        ["statement_timeout", "5s"],
        ["app.lang", "Here"],
      ],
    });
    expect(schema.roles.get("service_role")?.bypassRls).toBe(true);
    expect(schema.roles.get("anon")).toMatchObject({ bypassRls: false, settings: [] });
    expect(schema.roles.has("postgres")).toBe(false);
  });
});
