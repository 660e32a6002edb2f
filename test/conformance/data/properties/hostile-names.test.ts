/**
 * Names that break naive quoting, as those of a schema's own objects: table, column, key, foreign key,
 * function and parameter are all called so, and everything works on them.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { TestServer } from "../../../support/server.ts";
import { openPlainDatabase, type PlainDatabase } from "../plain-database.ts";

setDefaultTimeout(60_000);

const NAMES = [
  "'; drop table parents; --",
  'a"b',
  'a""b',
  "a'b",
  "a''b",
  "E'a",
  "$1",
  "$$",
  "a:b",
  "a::text",
  "a.b",
  "a,b",
  "a(b)",
  "a)b(",
  "a->b",
  "a->>'b'",
  "a!b",
  "*",
  "a*",
  "a b",
  " a ",
  "a%b",
  "a+b",
  "a&b=c",
  "a#b",
  "a?b",
  "a;b",
  "a{b}",
  "null",
  "select",
  "User",
  "имя",
  "💿",
  "\u202ea",
  "x".repeat(63),
];

let database: PlainDatabase;
let server: TestServer;

const ident = (name: string) => `"${name.replaceAll('"', '""')}"`;
/** In select, filters and order. */
const inUrl = (name: string) => encodeURIComponent(`"${name.replace(/[\\"]/g, "\\$&")}"`);

beforeAll(async () => {
  database = await openPlainDatabase();
  const { sql } = database;
  await sql.unsafe("create schema api; grant usage on schema api to anon");
  await sql.unsafe("create table api.parents (id int primary key)");
  await sql.unsafe("insert into api.parents values (1), (2)");
  for (const name of NAMES) {
    const n = ident(name);
    await sql.unsafe(`create table api.${n} (${n} text primary key, parent int, data jsonb,
      constraint ${n} foreign key (parent) references api.parents)`);
    await sql.unsafe(`create function api.${n}(${n} text) returns text language sql immutable
      as $f$ select upper($1) $f$`);
    await sql.unsafe(`insert into api.${n} values ('one', 1, $1::text::jsonb)`, [
      JSON.stringify({ [name]: "in" }),
    ]);
  }
  await sql.unsafe("grant all on all tables in schema api to anon");
  server = await database.serve({ db_schemas: ["api"], db_tx_end: "commit-allow-override" });
});

afterAll(async () => {
  await server.stop();
  await database.close();
});

async function ask(method: string, path: string, body?: unknown, prefer = "return=representation") {
  const response = await fetch(`${server.url}/data/v1/${path}`, {
    method,
    headers: { prefer, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const answer: unknown = text === "" ? null : JSON.parse(text);
  return { status: response.status, answer, location: response.headers.get("location") };
}

describe.each(NAMES)("%j", (name) => {
  const [path, column] = [encodeURIComponent(name), inUrl(name)];

  test("is selected, filtered, ordered, renamed, and a key of JSON", async () => {
    const search = `select=${column},${column}:parent,x:data->>${column}&${column}=eq.one&data->>${column}=eq.in&or=(${column}.eq.one,parent.eq.9)&order=${column}.desc`;
    expect(await ask("GET", `${path}?${search}`)).toMatchObject({ status: 200 });
    const { answer } = await ask(
      "GET",
      `${path}?select=y:${column},x:data->>${column}&${search.slice(search.indexOf("&") + 1)}`,
    );
    expect(answer).toEqual([{ y: "one", x: "in" }]);
  });

  test("is embedded from both sides, and hints", async () => {
    const down = await ask("GET", `parents?select=id,rows:${column}(${column})&id=eq.1`);
    expect(down.answer).toEqual([{ id: 1, rows: [{ [name]: "one" }] }]);
    const up = await ask("GET", `${path}?select=parents!${column}(id)&parents.order=id`);
    expect(up.answer).toEqual([{ parents: { id: 1 } }]);
  });

  test("is written, found by its place, merged, changed and deleted", async () => {
    const made = await ask("POST", path, { [name]: "two", parent: 2 }, "return=headers-only");
    expect([made.status, made.answer]).toEqual([201, null]);
    // As PostgREST writes it: percent-encoded, without the quotes that a filter would want.
    const place = made.location?.replace(/\+/g, "%20") ?? "";
    expect(decodeURIComponent(place)).toBe(`/${name}?${name}=eq.two`);
    const found = await ask("GET", `${path}?${column}=eq.two&select=parent`);
    expect(found.answer).toEqual([{ parent: 2 }]);
    const merged = await ask(
      "POST",
      `${path}?on_conflict=${column}&columns=${column},parent&select=parent`,
      { [name]: "two", parent: 1 },
      "resolution=merge-duplicates, return=representation",
    );
    expect(merged).toMatchObject({ status: 200, answer: [{ parent: 1 }] });
    const put = { [name]: "two", parent: 2, data: null };
    expect(await ask("PUT", `${path}?${column}=eq.two`, put)).toMatchObject({
      status: 200,
      answer: [put],
    });
    const changed = await ask("PATCH", `${path}?${column}=eq.two&select=${column}`, {
      [name]: "three",
    });
    expect(changed.answer).toEqual([{ [name]: "three" }]);
    const gone = await ask("DELETE", `${path}?${column}=eq.three&select=parent`);
    expect(gone.answer).toEqual([{ parent: 2 }]);
  });

  test("is called, with its argument", async () => {
    expect((await ask("POST", `rpc/${path}`, { [name]: "low" })).answer).toBe("LOW");
  });
});

test("nothing but that was done", async () => {
  const tables = await database.sql`select relname from pg_class
    where relnamespace = 'api'::regnamespace and relkind = 'r'`;
  expect(tables).toHaveLength(NAMES.length + 1);
});
