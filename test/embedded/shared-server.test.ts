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
