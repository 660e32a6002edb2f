/**
 * Drizzle over a postgres.js handle that others share. Drizzle's own postgres.js driver replaces the
 * handle's parsers for everybody, so queries go through its proxy driver: Drizzle writes the SQL,
 * postgres.js runs it. For system tables; no transactions (use `sql.begin`).
 */
import { drizzle, type PgRemoteDatabase } from "drizzle-orm/pg-proxy";
import type { Sql } from "postgres";

export function drizzleOver(sql: Sql): PgRemoteDatabase {
  return drizzle(async (text, params, method) => {
    const rows = await sql.unsafe(text, params as never[]).values();
    return { rows: method === "execute" ? [...rows] : rows };
  });
}
