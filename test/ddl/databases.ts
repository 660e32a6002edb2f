/** Pairs of databases to compare: with the system's migrations, and what a test adds. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import postgres, { type Sql } from "postgres";
import { compareDatabases } from "../../src/postgres/ddl/compare.ts";
import { readDatabase } from "../../src/postgres/ddl/read-database.ts";
import { parseDatabaseUrl, postgresJsOptions, urlOfDatabase } from "../../src/postgres/url.ts";
import { testPostgres } from "../support/postgres.ts";

const ROOT = join(import.meta.dir, "../..");
const SYSTEM_SQL = ["migrations/system/0001_roles.sql", "migrations/system/0003_schema_watch.sql"];

export const RICH = readFileSync(join(ROOT, "test/fixtures/rich/schema.sql"), "utf8");

export interface SchemaDatabase {
  readonly sql: Sql;
  close(): Promise<void>;
}

let copies = 0;
const templates = new Map<string, Promise<string>>();

/** A copy of a database with the system's migrations and `text`, which is made once; then `more`. */
export async function openSchema(text = "", ...more: readonly string[]): Promise<SchemaDatabase> {
  const making = templates.get(text) ?? makeTemplate(text);
  templates.set(text, making);
  const template = await making;
  const { ownerUrl } = await testPostgres();
  const name = `${template}_${++copies}`;
  await asOwner(ownerUrl, `create database "${name}" template "${template}"`);
  const sql = connect(urlOfDatabase(ownerUrl, name));
  for (const one of more) await sql.unsafe(one).simple();
  return {
    sql,
    async close() {
      await sql.end({ timeout: 5 });
      await asOwner(ownerUrl, `drop database "${name}" with (force)`);
    },
  };
}

async function makeTemplate(text: string): Promise<string> {
  const database = await (await testPostgres()).createDatabase();
  const sql = connect(database.url);
  const system = SYSTEM_SQL.map((file) => readFileSync(join(ROOT, file), "utf8"));
  for (const one of [...system, text]) await sql.unsafe(one).simple();
  // Nobody may be connected to what is copied.
  await sql.end({ timeout: 5 });
  return database.name;
}

function connect(url: string): Sql {
  const address = postgresJsOptions(parseDatabaseUrl(url));
  return postgres({ ...address, max: 1, onnotice: () => undefined });
}

async function asOwner(url: string, statement: string): Promise<void> {
  const sql = connect(url);
  try {
    await sql.unsafe(statement);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

/** The statements that make `from` what `to` is. */
export async function compared(from: SchemaDatabase, to: SchemaDatabase) {
  return compareDatabases(await readDatabase(from.sql), await readDatabase(to.sql));
}

export async function apply(database: SchemaDatabase, statements: readonly string[]) {
  await database.sql.begin(async (tx) => {
    await tx.unsafe("set local check_function_bodies = off");
    for (const statement of statements) {
      await tx.unsafe(statement).catch((error: unknown) => {
        throw new Error(`${statement}\n${String(error)}`);
      });
    }
  });
}
