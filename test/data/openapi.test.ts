/** The description at the root, judged by a validator of OpenAPI 2.0, for schemas of odd names too. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import SwaggerParser from "@apidevtools/swagger-parser";
import { type DataWorld, openDataWorld } from "./data-world.ts";

setDefaultTimeout(60_000);

const RICH = readFileSync(join(import.meta.dir, "../fixtures/rich/schema.sql"), "utf8");
const USER = { userId: "00000000-0000-4000-8000-000000000001" };
const OPENAPI = "application/openapi+json; charset=utf-8";

type Document = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

let world: DataWorld;
beforeAll(async () => {
  world = await openDataWorld({ db_schemas: ["public", "crew"], openapi_security_active: true });
  await world.sql.unsafe(RICH);
  await world.sql.unsafe(`create table public."a/b~c %{d} # ?" ("e/f {g}" integer primary key);
    create function public."f {x}/y"(n integer, variadic list jsonb[] default '{}') returns integer
      language sql immutable return n;
    create table public.defaults (t text default 'it', quoted text default 'it''s', v varchar(3) default 'abc',
      b boolean default false, i integer default 42, n numeric default 4.2, d date default '1900-01-01',
      x integer default (1 + 1), j jsonb default '{}', a integer[] default '{}', c char(2));
    create function public.nothing_but_text(text) returns text language sql volatile return $1;
    notify pgrst`);
});
afterAll(() => world.close());

async function root(asking: Parameters<DataWorld["ask"]>[1] = {}): Promise<Document> {
  const answer = await world.ask("/", asking);
  expect(answer.status).toBe(200);
  expect(answer.headers.get("content-type")).toBe(OPENAPI);
  return (await answer.json()) as Document;
}

function partOf(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce((part, key) => (part as Record<string, unknown> | undefined)?.[key], value);
}

/** Once the schema cache has followed what was created. */
async function settled(): Promise<void> {
  for (let i = 0; i < 100; i++) {
    if ((await root({ role: "service_role" }))["definitions"]?.["defaults"]) return;
    await world.sql`select pg_sleep(0.05)`;
  }
  throw new Error("the schema was not read again");
}

describe("the document", () => {
  beforeAll(settled);

  test.each([
    ["of all that the secret key may use", { role: "service_role" }],
    ["of a user's", USER],
    ["of nobody's", {}],
    ["of another schema", { role: "service_role", headers: { "accept-profile": "crew" } }],
  ])("%s is valid OpenAPI 2.0", async (_name, asking) => {
    const document = await root(asking);
    await SwaggerParser.validate(document as never, { resolve: { external: false } });
  });

  test("the validator does judge: a reference to nothing is found", async () => {
    const document = structuredClone(await root()) as Record<string, Record<string, unknown>>;
    delete document["parameters"]?.["select"];
    expect(SwaggerParser.validate(document as never)).rejects.toThrow();
  });

  test("defaults are told where they are constants", async () => {
    const { definitions } = await root({ role: "service_role" });
    expect(partOf(definitions, "defaults", "properties")).toEqual({
      t: { type: "string", format: "text", default: "it" },
      quoted: { type: "string", format: "text", default: "it''s" },
      v: { type: "string", format: "character varying", maxLength: 3, default: "abc" },
      b: { type: "boolean", format: "boolean", default: false },
      i: { type: "integer", format: "integer", default: 42 },
      n: { type: "number", format: "numeric", default: 4.2 },
      d: { type: "string", format: "date", default: "1900-01-01" },
      x: { type: "integer", format: "integer" },
      j: { format: "jsonb" },
      a: { type: "array", format: "integer[]", items: { type: "integer" } },
      c: { type: "string", format: "character", maxLength: 2 },
    });
  });

  test("each role sees what it may use, a column or a right to write is enough", async () => {
    const paths = async (asking: Parameters<typeof root>[0]) =>
      Object.keys((await root(asking))["paths"] ?? {});
    const [nobody, user, all] = [
      await paths({}),
      await paths(USER),
      await paths({ role: "service_role" }),
    ];
    expect(nobody).not.toContain("/staff");
    expect(user).toContain("/staff");
    expect(nobody).toContain("/Posts");
    expect(nobody).not.toContain("/legacy");
    expect(user).not.toContain("/legacy");
    expect(nobody).not.toContain("/rpc/stats");
    expect(user).toContain("/rpc/stats");
    expect(all).toContain("/rpc/stats");
    expect(all).not.toContain("/hidden");
  });

  test("the way to the server is the request's own", async () => {
    const { host, basePath, schemes } = (await root()) as Record<string, unknown>;
    expect({ host, basePath, schemes }).toEqual({
      host: "localhost:80",
      basePath: "/data/v1",
      schemes: ["http"],
    });
  });

  test("overloads and odd arguments are described", async () => {
    const { paths } = await root({ role: "service_role" });
    expect(partOf(paths, "/rpc/f%20%7Bx%7D%2Fy", "get", "parameters")).toEqual([
      { name: "n", required: true, in: "query", type: "integer", format: "integer" },
      {
        name: "list",
        required: false,
        in: "query",
        type: "array",
        items: { type: "string", format: "jsonb" },
        collectionFormat: "multi",
      },
    ]);
    expect(Object.keys(paths?.["/rpc/nothing_but_text"] ?? {})).toEqual(["post"]);
    expect(paths?.["/rpc/find_posts"]).toBeDefined();
  });
});

describe("asked in other ways", () => {
  test("HEAD has no body, a method there is not is refused", async () => {
    const head = await world.ask("/", { method: "HEAD" });
    expect({ status: head.status, body: await head.text() }).toEqual({ status: 200, body: "" });
    const put = await world.ask("/", { method: "PUT", body: {} });
    expect(put.status).toBe(405);
    expect(await put.json()).toMatchObject({ code: "PGRST117" });
  });

  test.each([
    ["text/csv, application/vnd.pgrst.object+json", 406],
    ["application/json", 200],
    ["text/csv, */*;q=0.1", 200],
  ])("Accept: %s is %d", async (accept, status) => {
    const answer = await world.ask("/", { headers: { accept } });
    expect(answer.status).toBe(status);
  });

  test("a schema that is not served", async () => {
    const answer = await world.ask("/", { headers: { "accept-profile": "private" } });
    expect(answer.status).toBe(406);
    expect(await answer.json()).toMatchObject({ code: "PGRST106" });
  });
});

describe("another root", () => {
  async function withConfig<T>(config: object, work: (other: DataWorld) => Promise<T>): Promise<T> {
    const other = await openDataWorld(config);
    try {
      await other.sql.unsafe(`create function public.my_root() returns json language sql stable
        return '{"swagger": "2.0"}'::json; notify pgrst`);
      return await work(other);
    } finally {
      await other.close();
    }
  }

  test("a function of one's own, by either type, with the methods of a function", () =>
    withConfig({ db_root_spec: "public.my_root", openapi_mode: "disabled" }, async (other) => {
      const plain = await other.ask("/");
      expect(await plain.json()).toEqual({ swagger: "2.0" });
      expect(plain.headers.get("content-type")).toBe("application/json; charset=utf-8");
      const typed = await other.ask("/", { headers: { accept: "application/openapi+json" } });
      expect(typed.headers.get("content-type")).toBe(OPENAPI);
      expect(await typed.json()).toEqual({ swagger: "2.0" });
      const allow = await other.ask("/", { method: "OPTIONS" });
      expect(allow.headers.get("allow")).toBe("OPTIONS,GET,HEAD,POST");
      const put = await other.ask("/", { method: "PUT", body: {} });
      expect(await put.json()).toMatchObject({ code: "PGRST101" });
    }));

  test("none at all", () =>
    withConfig({ openapi_mode: "disabled" }, async (other) => {
      for (const method of ["GET", "OPTIONS"]) {
        const answer = await other.ask("/", { method });
        expect(answer.status).toBe(404);
        expect(await answer.json()).toMatchObject({ code: "PGRST126" });
      }
    }));

  test("everything, whoever asks", () =>
    withConfig({ openapi_mode: "ignore-privileges" }, async (other) => {
      const { paths } = (await (await other.ask("/")).json()) as Document;
      expect(Object.keys(paths ?? {})).toContain("/staff");
    }));
});
