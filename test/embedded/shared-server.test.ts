import { expect, test } from "bun:test";
import postgres from "postgres";
import { parseDatabaseUrl, postgresJsOptions } from "../../src/postgres/url.ts";
import { testPostgres } from "../support/postgres.ts";

test("each test file gets a database of its own on one shared server", async () => {
  const server = await testPostgres();
  const database = await server.createDatabase();
  const sql = postgres({ ...postgresJsOptions(parseDatabaseUrl(database.url)), max: 1 });
  const [row] = await sql`select current_database() as name, current_setting('fsync') as fsync`;
  await sql.end();
  await database.drop();
  expect(row).toEqual({ name: database.name, fsync: "on" });
});

test("what PostgreSQL has acknowledged is on disk", async () => {
  const { ownerUrl } = await testPostgres();
  const sql = postgres({ ...postgresJsOptions(parseDatabaseUrl(ownerUrl)), max: 1 });
  const rows = await sql<{ name: string; setting: string }[]>`
    select name, setting from pg_settings
    where name in ('fsync', 'synchronous_commit', 'full_page_writes') order by name`;
  await sql.end();
  expect(rows.map(({ name, setting }) => `${name} = ${setting}`)).toEqual([
    "fsync = on",
    "full_page_writes = on",
    "synchronous_commit = on",
  ]);
});
