/** A database beside the real one, for as long as something is compared with it. */
import type { Sql } from "postgres";
import type { TenantCtx } from "../../../core/tenant.ts";
import type { MigrationSet } from "../../../postgres/migration-plan.ts";
import { migrate } from "../../../postgres/migrator.ts";
import { urlOfDatabase } from "../../../postgres/url.ts";
import { type DatabaseParts, databaseErrors, isSqlFailure, withConnection } from "./parts.ts";

/** Followed by the moment of its making, so that what a crash has left behind is known. */
const PREFIX = "reactor_scratch_";
const ABANDONED_MS = 60 * 60 * 1000;

/** @throws scratch_database_denied, and what a migration throws */
export async function withScratchDatabase<T>(
  parts: DatabaseParts,
  tenant: TenantCtx,
  sets: readonly MigrationSet[],
  work: (sql: Sql) => Promise<T>,
): Promise<T> {
  const url = parts.directUrl(tenant);
  const name = `${PREFIX}${parts.clock.now()}_${parts.ids.token(6).toLowerCase().replace(/\W/g, "")}`;
  return await withConnection(parts, url, async (owner) => {
    await dropAbandoned(parts, owner);
    await create(owner, name);
    try {
      return await withConnection(parts, urlOfDatabase(url, name), async (sql) => {
        await migrate(sql, sets, { clock: parts.clock, log: parts.log.with({ database: name }) });
        return await work(sql);
      });
    } finally {
      await owner.unsafe(`drop database if exists "${name}" with (force)`);
    }
  });
}

async function create(owner: Sql, name: string): Promise<void> {
  try {
    await owner.unsafe(`create database "${name}" template template0`);
  } catch (error) {
    throw isSqlFailure(error) ? databaseErrors.scratch_database_denied(error) : error;
  }
}

async function dropAbandoned({ clock, log }: DatabaseParts, owner: Sql): Promise<void> {
  const rows = await owner<{ name: string }[]>`
    select datname as name from pg_catalog.pg_database where starts_with(datname, ${PREFIX})`;
  for (const { name } of rows) {
    const madeAt = Number(/^\d+/.exec(name.slice(PREFIX.length))?.[0] ?? clock.now());
    if (clock.now() - madeAt < ABANDONED_MS) continue;
    log.info("database.scratch_removed", { database: name });
    await owner.unsafe(`drop database if exists "${name.replaceAll('"', '""')}" with (force)`);
  }
}
