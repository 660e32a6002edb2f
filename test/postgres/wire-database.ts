/** A database with the system roles, and pools as the server would open them on it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import postgres, { type Sql } from "postgres";
import type { UserQuery, UserResult } from "../../src/core/ports/database.ts";
import { migrationSet } from "../../src/postgres/migration-plan.ts";
import { migrate } from "../../src/postgres/migrator.ts";
import { parseDatabaseUrl, postgresJsOptions } from "../../src/postgres/url.ts";
import {
  createUserPool,
  type ManagedUserPool,
  type UserPoolOptions,
} from "../../src/postgres/wire/user-pool.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { systemRng } from "../../src/shared/rng.ts";
import { silentLog, testPostgres } from "../support/postgres.ts";

export const systemSet = migrationSet("system", [
  {
    name: "0001_roles",
    sql: readFileSync(join(import.meta.dir, "../../migrations/system/0001_roles.sql"), "utf8"),
  },
]);

export interface WireDatabase {
  /** libpq URL of the owner. */
  readonly url: string;
  /** libpq URL of `authenticator`. */
  readonly userUrl: string;
  /** The owner. */
  readonly sql: Sql;
  pool(options?: Partial<UserPoolOptions>): ManagedUserPool;
  close(): Promise<void>;
}

/** The URL with another login role. */
export function asUser(url: string, user: string): string {
  return url.replace(/\/\/[^@]*@/, `//${user}@`);
}

export function connect(url: string): Sql {
  const address = postgresJsOptions(parseDatabaseUrl(url));
  return postgres({ ...address, max: 4, onnotice: () => undefined });
}

export async function openWireDatabase(setup = ""): Promise<WireDatabase> {
  const server = await testPostgres();
  const database = await server.createDatabase();
  const sql = connect(database.url);
  await migrate(sql, [systemSet], { clock: systemClock, log: silentLog });
  if (setup !== "") await sql.unsafe(setup);
  const userUrl = asUser(database.url, "authenticator");
  const pools: ManagedUserPool[] = [];
  return {
    url: database.url,
    userUrl,
    sql,
    pool(options = {}) {
      const pool = openPool(userUrl, options);
      pools.push(pool);
      return pool;
    },
    async close() {
      await Promise.all(pools.map((pool) => pool.close(100)));
      await sql.end({ timeout: 5 });
      await database.drop();
    },
  };
}

export function openPool(url: string, options: Partial<UserPoolOptions> = {}): ManagedUserPool {
  return createUserPool({
    address: parseDatabaseUrl(url),
    clock: systemClock,
    rng: systemRng,
    log: silentLog,
    ...options,
  });
}

/** A query of `service_role` without claims, unless said otherwise. */
export function ask(sql: string, rest: Partial<UserQuery> = {}): UserQuery {
  return { role: "service_role", settings: [], params: [], ...rest, sql };
}

export function texts(result: UserResult): (string | null)[][] {
  const decoder = new TextDecoder();
  return result.rows.map((row) => row.map((value) => value && decoder.decode(value)));
}

/** The first column of the first row. */
export async function one(
  pool: ManagedUserPool,
  sql: string,
  rest: Partial<UserQuery> = {},
): Promise<string | null> {
  return texts(await pool.query(ask(sql, rest)))[0]?.[0] ?? null;
}

/** What a promise rejects with; fails when it does not. */
export async function failure(promise: Promise<unknown>): Promise<Record<string, unknown>> {
  try {
    await promise;
  } catch (error) {
    return error as Record<string, unknown>;
  }
  throw new Error("it did not fail");
}
