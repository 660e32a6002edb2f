/**
 * Every base type of PostgreSQL over HTTP: what is read is what the database says of the value, digit
 * by digit, and what was read can be written again, in JSON (alone and in an array) and in CSV.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { TestServer } from "../../support/server.ts";
import { openPlainDatabase, type PlainDatabase } from "./plain-database.ts";
import { NOT_IN_CSV, ONE_WAY, SAMPLES, WITHOUT_INPUT } from "./properties/type-samples.ts";

setDefaultTimeout(60_000);

let database: PlainDatabase;
let server: TestServer;

const tableOf = (type: string) => `of_${type.replace(/\W/g, "_")}`;
/** Where what was read is written. */
const backOf = (type: string) => `back_${tableOf(type)}`;

beforeAll(async () => {
  database = await openPlainDatabase();
  const { sql } = database;
  await sql.unsafe("create schema api; grant usage on schema api to anon");
  for (const [type, samples] of Object.entries(SAMPLES)) {
    const columns = `(id int primary key, v ${type}, a ${type}[])`;
    await sql.unsafe(`create table api.${tableOf(type)} ${columns}`);
    await sql.unsafe(`create table api.${backOf(type)} ${columns}`);
    for (const [id, sample] of samples.entries()) {
      await sql.unsafe(
        `insert into api.${tableOf(type)} select $1::text::int, s.v, array[s.v, null, s.v]
         from (select $2::text::${type} as v) s`,
        [String(id), sample],
      );
    }
    await sql.unsafe(`insert into api.${tableOf(type)} values (${samples.length}, null, '{}')`);
  }
  await sql.unsafe("grant all on all tables in schema api to anon");
  server = await database.serve({ db_schemas: ["api"] });
});

afterAll(async () => {
  await server.stop();
  await database.close();
});

async function get(path: string, accept = "application/json"): Promise<string> {
  const response = await fetch(`${server.url}/data/v1/${path}`, { headers: { accept } });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${path}: ${response.status} ${text}`);
  return text;
}

async function post(path: string, body: string, type = "application/json"): Promise<void> {
  const response = await fetch(`${server.url}/data/v1/${path}`, {
    method: "POST",
    headers: { "content-type": type },
    body,
  });
  const text = await response.text();
  if (response.status !== 201) throw new Error(`${path}: ${response.status} ${text} of ${body}`);
}

/** The rows of a table in the database's own text. */
async function stored(table: string, columns: string, where = "true"): Promise<unknown> {
  return await database.sql.unsafe(
    `select ${columns} from api.${table} where ${where} order by id`,
  );
}

test("every type that a column can have has samples", async () => {
  const types = await database.sql<{ name: string }[]>`
    select t.typname as name from pg_type t
    where t.typnamespace = 'pg_catalog'::regnamespace and t.typtype in ('b', 'r', 'm')
      and not exists (select from pg_type e where e.typarray = t.oid)`;
  const sampled = new Set(Object.keys(SAMPLES).map((type) => type.replaceAll('"', "")));
  const missing = types.filter(({ name }) => !sampled.has(name) && !WITHOUT_INPUT.has(name));
  expect(missing.map(({ name }) => name)).toEqual([]);
});

describe.each(Object.keys(SAMPLES))("%s", (type) => {
  test("is read as the database writes it", async () => {
    const [row] = await database.sql.unsafe<{ text: string }[]>(
      `select json_agg(t order by id)::text as text from api.${tableOf(type)} t`,
    );
    expect(await get(`${tableOf(type)}?order=id`)).toBe(row?.text ?? "");
  });

  if (!ONE_WAY.has(type)) {
    test("is written as it was read, in JSON", async () => {
      await post(backOf(type), await get(tableOf(type)));
      const columns = "id, v::text, a::text";
      expect(await stored(backOf(type), columns)).toEqual(await stored(tableOf(type), columns));
      await database.sql.unsafe(`delete from api.${backOf(type)}`);
    });
  }

  if (!NOT_IN_CSV.has(type)) {
    test("is written as it was read, in CSV", async () => {
      // Null is nothing there, as the empty text is; a backslash comes twice, as in PostgREST.
      const csv = await get(`${tableOf(type)}?select=id,v&v=not.is.null`, "text/csv");
      await post(backOf(type), csv.replaceAll("\\\\", "\\"), "text/csv");
      const columns = "id, v::text";
      const written = await stored(tableOf(type), columns, "v is not null");
      expect(await stored(backOf(type), columns)).toEqual(written);
      await database.sql.unsafe(`delete from api.${backOf(type)}`);
    });
  }

  test("is found by its text", async () => {
    const rows = await database.sql.unsafe<{ id: number; text: string }[]>(
      `select id, v::text as text from api.${tableOf(type)}
       where v is not null and exists (select from pg_operator where oprname = '='
         and oprleft = '${type}'::regtype and oprright = '${type}'::regtype)`,
    );
    for (const { id, text } of rows) {
      const found = await get(`${tableOf(type)}?select=id&v=eq.${encodeURIComponent(text)}`);
      expect((JSON.parse(found) as { id: number }[]).map((row) => row.id)).toContain(id);
    }
  });
});
