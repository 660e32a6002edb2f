/** A fresh database with the shared tables, reached as the server reaches it (postgres.js, owner). */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import postgres, { type Sql } from "postgres";
import { parseDatabaseUrl, postgresJsOptions } from "../../src/postgres/url.ts";
import type { TenantDatabases } from "../../src/shared/tenant-database.ts";
import { testPostgres } from "./postgres.ts";

const SYSTEM = join(import.meta.dir, "../../migrations/system");
const SHARED_SQL = ["0002_shared.sql", "0007_vault_roots.sql"];

export interface SharedDatabase {
  /** The same database for every tenant: the tables must keep them apart. */
  readonly databases: TenantDatabases;
  readonly sql: Sql;
  /** libpq URL of the owner. */
  readonly url: string;
  /** Another server on the same database: its own connections. */
  connect(): { readonly databases: TenantDatabases; readonly sql: Sql };
  close(): Promise<void>;
}

export async function openSharedDatabase(): Promise<SharedDatabase> {
  const server = await testPostgres();
  const database = await server.createDatabase();
  const handles: Sql[] = [];
  const connect = () => {
    const sql = postgres({
      ...postgresJsOptions(parseDatabaseUrl(database.url)),
      max: 8,
      onnotice: () => undefined,
    });
    handles.push(sql);
    return { sql, databases: { for: () => ({ system: sql, direct: sql }) } };
  };
  const first = connect();
  for (const name of SHARED_SQL) {
    await first.sql.unsafe(readFileSync(join(SYSTEM, name), "utf8"));
  }
  return {
    ...first,
    url: database.url,
    connect,
    async close() {
      await Promise.all(handles.map((sql) => sql.end({ timeout: 5 })));
      await database.drop();
    },
  };
}
