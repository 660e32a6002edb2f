/**
 * Applies migrations forward: one transaction each, under an advisory lock, recorded with their
 * checksum in `reactor.migrations`. With nothing to do it costs one query.
 */
import type { ReservedSql, Sql } from "postgres";
import type { Clock } from "../core/ports/clock.ts";
import type { Logger } from "../core/ports/log.ts";
import { splitStatements } from "../core/split-statements.ts";
import { repeatContended } from "./contention.ts";
import {
  type AppliedMigration,
  type Migration,
  type MigrationPlan,
  type MigrationSet,
  migrationErrors,
  planMigrations,
  type SqlFailure,
} from "./migration-plan.ts";

export interface MigrateOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Only says what would be applied. Default false. */
  readonly dryRun?: boolean;
  /** After each migration has been committed. */
  readonly onApplied?: (id: string, durationMs: number) => void;
}

export interface MigrationReport {
  readonly applied: readonly { id: string; durationMs: number }[];
  /** Ids still to be applied: all pending ones in a dry run, else none. */
  readonly pending: readonly string[];
  /** Ids applied once whose file is gone. Allowed; shown to the person. */
  readonly missing: readonly string[];
  /** How many were applied before. */
  readonly appliedCount: number;
  readonly durationMs: number;
}

/** "reactor" in ASCII: one lock per database. */
const LOCK_KEY = "32199629220475762";
const LOCK_POLL_MS = 200;
const LOCK_NOTICE_MS = 5_000;
const NO_TRANSACTION = /^\s*--\s*reactor:no-transaction\b/;
/** What a migration may lean on, whatever the one before it changed in the session. */
const FRESH_SESSION = `reset role; reset all; set search_path = "$user", public, extensions`;
const LEDGER = `
  create schema if not exists reactor;
  revoke all on schema reactor from public;
  create table if not exists reactor.migrations (
    area text not null,
    name text not null,
    checksum text not null,
    applied_at timestamptz not null default now(),
    duration_ms double precision not null,
    primary key (area, name)
  )`;

/**
 * `sql` must be a direct connection (no pooler) as the owner. Throws `migration_drift`,
 * `migration_out_of_order`, `migration_failed`; what was applied before the failure stays applied.
 */
export async function migrate(
  sql: Sql,
  sets: readonly MigrationSet[],
  options: MigrateOptions,
): Promise<MigrationReport> {
  const startMs = options.clock.monotonic();
  const plan = planMigrations(sets, await readLedger(sql));
  const report = (done: MigrationPlan, applied: MigrationReport["applied"]) => ({
    applied,
    pending: options.dryRun === true ? done.pending.map(({ migration }) => migration.id) : [],
    missing: done.missing,
    appliedCount: done.appliedCount,
    durationMs: options.clock.monotonic() - startMs,
  });
  if (plan.pending.length === 0 || options.dryRun === true) return report(plan, []);
  const session = await sql.reserve();
  try {
    await lock(session, options);
    await session.unsafe(LEDGER).simple();
    // Another server may have applied some while this one waited for the lock.
    const current = planMigrations(sets, await readLedger(session));
    return report(current, await applyAll(session, current, options));
  } finally {
    await unlock(session, options.log);
  }
}

async function applyAll(session: ReservedSql, plan: MigrationPlan, options: MigrateOptions) {
  const applied: { id: string; durationMs: number }[] = [];
  for (const { area, migration } of plan.pending) {
    const startMs = options.clock.monotonic();
    await repeatContended(options.clock, () => apply(session, area, migration, options.clock));
    const durationMs = options.clock.monotonic() - startMs;
    applied.push({ id: migration.id, durationMs });
    options.log.info("migration.applied", { id: migration.id, durationMs: Math.round(durationMs) });
    options.onApplied?.(migration.id, durationMs);
  }
  return applied;
}

async function apply(
  session: ReservedSql,
  area: string,
  migration: Migration,
  clock: Clock,
): Promise<void> {
  const startMs = clock.monotonic();
  const isTransaction = !NO_TRANSACTION.test(migration.sql);
  await session.unsafe(FRESH_SESSION).simple();
  if (!isTransaction) {
    await runSeparately(session, migration);
    return record(session, area, migration, clock.monotonic() - startMs);
  }
  try {
    await session.unsafe("begin").simple();
    await run(session, migration, migration.sql, 0);
    await session.unsafe("reset role").simple();
    await record(session, area, migration, clock.monotonic() - startMs);
    await session.unsafe("commit").simple();
  } catch (error) {
    await session.unsafe("rollback").simple();
    throw error;
  }
}

async function runSeparately(session: ReservedSql, migration: Migration): Promise<void> {
  for (const { sql, start } of splitStatements(migration.sql)) {
    await run(session, migration, sql, start);
  }
}

async function run(session: ReservedSql, migration: Migration, sql: string, start: number) {
  try {
    await session.unsafe(sql).simple();
  } catch (error) {
    if (!isSqlFailure(error)) throw error;
    const position = Number(error.position ?? 0);
    const line = position > 0 ? lineOf(migration.sql, start, position) : null;
    throw migrationErrors.migration_failed({ id: migration.id, line, cause: error });
  }
}

function isSqlFailure(error: unknown): error is SqlFailure {
  return error instanceof Error && /^[0-9A-Z]{5}$/.test(String((error as SqlFailure).code));
}

/** `position` counts characters from 1, from `start` on; JavaScript counts UTF-16 units. */
function lineOf(text: string, start: number, position: number): number {
  const before = Array.from(text.slice(start))
    .slice(0, position - 1)
    .join("");
  return (text.slice(0, start) + before).split("\n").length;
}

async function record(
  session: ReservedSql,
  area: string,
  migration: Migration,
  durationMs: number,
): Promise<void> {
  await session`insert into reactor.migrations (area, name, checksum, duration_ms)
    values (${area}, ${migration.name}, ${migration.checksum}, ${durationMs})`;
}

/**
 * Notes a migration as applied without running it: what it makes is there already. Throws
 * `migration_drift` when it is noted with another text.
 */
export async function recordAsApplied(sql: Sql, area: string, migration: Migration): Promise<void> {
  await sql.unsafe(LEDGER).simple();
  const [row] = await sql<{ checksum: string }[]>`
    insert into reactor.migrations (area, name, checksum, duration_ms)
    values (${area}, ${migration.name}, ${migration.checksum}, 0)
    on conflict (area, name) do update set name = excluded.name returning checksum`;
  if (row?.checksum !== migration.checksum) throw migrationErrors.migration_drift(migration.id);
}

/** Forgets what was applied of an area, whose objects are gone. */
export async function forgetApplied(sql: Sql, area: string): Promise<void> {
  await sql`delete from reactor.migrations where area = ${area}`;
}

export async function readLedger(sql: Sql): Promise<readonly AppliedMigration[]> {
  try {
    return await sql<AppliedMigration[]>`select area, name, checksum from reactor.migrations`;
  } catch (error) {
    // undefined_table, invalid_schema_name: a database that was never migrated.
    if (isSqlFailure(error) && ["42P01", "3F000"].includes(error.code)) return [];
    throw error;
  }
}

/** Polls: a statement that waits holds a snapshot, and CREATE INDEX CONCURRENTLY waits for those. */
async function lock(session: ReservedSql, { clock, log }: MigrateOptions): Promise<void> {
  const startMs = clock.monotonic();
  let noticeMs = 0;
  for (;;) {
    const [row] = await session<{ isMine: boolean }[]>`
      select pg_try_advisory_lock(${LOCK_KEY}::bigint) as "isMine"`;
    if (row?.isMine) return;
    const waitedMs = clock.monotonic() - startMs;
    if (waitedMs >= noticeMs) {
      log.info("migration.waiting_for_lock", { waitedMs: Math.round(waitedMs) });
      noticeMs += LOCK_NOTICE_MS;
    }
    await clock.sleep(LOCK_POLL_MS);
  }
}

async function unlock(session: ReservedSql, log: Logger): Promise<void> {
  try {
    await session.unsafe(`${FRESH_SESSION}; select pg_advisory_unlock_all()`).simple();
  } catch (error) {
    // The lock ends with the connection, and the connection is what just failed.
    log.warn("migration.unlock_failed", { error });
  }
  session.release();
}
