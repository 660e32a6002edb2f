/**
 * Where the rows are sent: servers on one database with the harbour in it. Of three kinds, which must
 * answer alike: the whole server from source, `data` alone on a database of somebody else's
 * (`db_uri`, as PostgREST runs), and the compiled executable with its own PostgreSQL.
 */
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Sql } from "postgres";
import type { RunningExecutable } from "../../support/executable.ts";
import { testPostgres } from "../../support/postgres.ts";
import type { RowWorld } from "../../support/rows.ts";
import { startTestServer } from "../../support/server.ts";
import { openOwner, openPlainDatabase } from "./plain-database.ts";
import { identityTokens, secretTokens, type Tokens } from "./tokens.ts";

const PROJECT = join(import.meta.dir, "project");
const MIGRATIONS = join(PROJECT, "migrations");

/** Keys of `[data]` over those of the project. */
export type DataSettings = Readonly<Record<string, unknown>>;

export interface ConformanceWorld extends RowWorld {
  /** Brings back what the rows have changed. */
  reset(): Promise<void>;
  stop(): Promise<void>;
}

/** One database with the harbour in it. */
export interface Harbour {
  serve(data: DataSettings): Promise<ConformanceWorld>;
  close(): Promise<void>;
}

/** The whole server from source; its own identity makes the tokens. */
export async function openHarbour(): Promise<Harbour> {
  const database = await (await testPostgres()).createDatabase();
  const sql = openOwner(database.url);
  const vaultKey = Buffer.alloc(32, 7).toString("base64");
  return {
    async serve(data) {
      const server = await startTestServer({
        project: PROJECT,
        databaseUrl: database.url,
        vaultKey,
        config: { data },
      });
      const tokens = usesSecret(data) ? secretTokens() : await identityTokens(server);
      return worldOf(server.url, tokens, sql, () => server.stop());
    },
    async close() {
      await sql.end({ timeout: 5 });
      await database.drop();
    },
  };
}

/** `data` alone as a plain login: no owner, no system schema, no migration of ours. */
export async function openPlainHarbour(): Promise<Harbour> {
  const database = await openPlainDatabase();
  const { sql } = database;
  for (const file of readdirSync(MIGRATIONS).sort()) {
    await sql.unsafe(readFileSync(join(MIGRATIONS, file), "utf8"));
  }
  return {
    async serve(data) {
      const server = await database.serve({ db_max_rows: 1000, ...PROJECT_SETTINGS, ...data });
      return worldOf(server.url, secretTokens(), sql, () => server.stop());
    },
    close: () => database.close(),
  };
}

/**
 * The compiled executable: a server is started again on the same data folder for each settings.
 * @param folder empty, may be written
 */
export function openExecutableHarbour(
  folder: string,
  start: (cwd: string, args: readonly string[]) => Promise<RunningExecutable>,
): Harbour {
  cpSync(PROJECT, folder, { recursive: true });
  return {
    async serve(data) {
      writeFileSync(join(folder, "reactor.toml"), tomlOf({ ...PROJECT_SETTINGS, ...data }));
      const server = await start(folder, ["serve", "--port", "0"]);
      const { status, dataDir } = server;
      const sql = openOwner(status.database_url);
      const tokens = usesSecret(data)
        ? secretTokens()
        : await identityTokens({ ownerUrl: status.database_url, dataDir, vaultKey: "" });
      return worldOf(server.url, tokens, sql, async () => {
        await sql.end({ timeout: 5 });
        await server.stop();
      });
    },
    close: () => Promise.resolve(),
  };
}

/** As in the project's reactor.toml. */
const { data: PROJECT_SETTINGS } = Bun.TOML.parse(
  readFileSync(join(PROJECT, "reactor.toml"), "utf8"),
) as { data: DataSettings };

const usesSecret = (data: DataSettings) => "jwt_secret" in data;

function worldOf(
  url: string,
  names: Tokens,
  sql: Sql,
  stop: () => Promise<void>,
): ConformanceWorld {
  return {
    urlFor: () => url,
    credentials: () => ({}),
    names,
    reset: async () => void (await sql`select private.reset()`),
    stop,
  };
}

function tomlOf(data: DataSettings): string {
  const lines = Object.entries(data).map(([key, value]) => `${key} = ${tomlValue(value)}`);
  return ["[data]", ...lines, ""].join("\n");
}

function tomlValue(value: unknown): string {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return JSON.stringify(value);
  }
  const members = Object.entries(value).map(([key, member]) => `${key} = ${tomlValue(member)}`);
  return `{ ${members.join(", ")} }`;
}
