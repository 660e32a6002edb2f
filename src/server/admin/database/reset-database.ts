/** `POST /_admin/db/reset` and `/_admin/db/seed`: the project's part of the database from the start. */
import type { Sql } from "postgres";
import type { MigrationFile } from "../../../core/migration.ts";
import type { TenantCtx } from "../../../core/tenant.ts";
import { compareDatabases } from "../../../postgres/ddl/compare.ts";
import type { DatabaseModel } from "../../../postgres/ddl/ddl-object.ts";
import { readDatabase } from "../../../postgres/ddl/read-database.ts";
import { migrationSet } from "../../../postgres/migration-plan.ts";
import { forgetApplied, migrate } from "../../../postgres/migrator.ts";
import { PROJECT_AREA } from "../project-migrations.ts";
import { type DatabaseParts, databaseErrors, isSqlFailure, withConnection } from "./parts.ts";
import { withScratchDatabase } from "./scratch-database.ts";

/** A text of SQL and the name it goes by in messages. */
export interface SqlFile {
  readonly name: string;
  readonly sql: string;
}

export interface SeedAnswer {
  readonly files: readonly string[];
  readonly ms: number;
}

export interface ResetAnswer {
  readonly applied: readonly string[];
  readonly seeded: readonly string[];
  readonly ms: number;
}

/** Another session that holds a table must not hold this up for ever. */
const LOCK_TIMEOUT = "set lock_timeout = '10s'";

/** All files in one transaction, as the owner. @throws sql_failed */
export async function seedDatabase(
  parts: DatabaseParts,
  tenant: TenantCtx,
  files: readonly SqlFile[],
): Promise<SeedAnswer> {
  const startedMs = parts.clock.monotonic();
  await withConnection(parts, parts.directUrl(tenant), (sql) => seed(sql, files));
  return {
    files: files.map(({ name }) => name),
    ms: Math.round(parts.clock.monotonic() - startedMs),
  };
}

async function seed(sql: Sql, files: readonly SqlFile[]): Promise<void> {
  await sql.begin(async (tx) => {
    await tx.unsafe(`set local search_path = "$user", public, extensions`);
    for (const file of files) {
      try {
        await tx.unsafe(file.sql).simple();
      } catch (error) {
        if (!isSqlFailure(error)) throw error;
        const position = Number(error.position ?? 0);
        const line = position === 0 ? null : lineAt(file.sql, position);
        throw databaseErrors.sql_failed({ file: file.name, line, cause: error });
      }
    }
  });
}

/** `position` counts characters from 1; JavaScript counts UTF-16 units. */
function lineAt(text: string, position: number): number {
  const before = Array.from(text).slice(0, position - 1);
  return before.filter((character) => character === "\n").length + 1;
}

/**
 * Drops what is not the server's own, applies the migrations anew and runs the seeds. Accounts,
 * deployed functions and secrets are the server's and stay.
 * @throws not_in_development
 */
export async function resetDatabase(
  parts: DatabaseParts,
  tenant: TenantCtx,
  files: readonly MigrationFile[],
  seeds: readonly SqlFile[],
): Promise<ResetAnswer> {
  if (!parts.development) throw databaseErrors.not_in_development();
  const startedMs = parts.clock.monotonic();
  const set = migrationSet(PROJECT_AREA, files);
  const base = await withScratchDatabase(parts, tenant, parts.ownSets, readDatabase);
  const applied = await withConnection(parts, parts.directUrl(tenant), async (sql) => {
    await sql.unsafe(LOCK_TIMEOUT);
    await clear(sql, base);
    const report = await migrate(sql, [set], { clock: parts.clock, log: parts.log });
    return report.applied.map(({ id }) => id);
  });
  if (seeds.length > 0) await seedDatabase(parts, tenant, seeds);
  parts.log.warn("database.reset", { tenant: tenant.id, migrations: applied.length });
  return {
    applied,
    seeded: seeds.map(({ name }) => name),
    ms: Math.round(parts.clock.monotonic() - startedMs),
  };
}

async function clear(sql: Sql, base: DatabaseModel): Promise<void> {
  const current = await readDatabase(sql);
  const gone = [...current.objects.values()].filter(
    ({ key, kind }) => (kind === "schema" || kind === "extension") && !base.objects.has(key),
  );
  await sql.begin(async (tx) => {
    for (const { title } of gone) await tx.unsafe(`drop ${title} cascade`);
    // Made anew rather than emptied: so nothing of a kind that we cannot read is left in it.
    await tx.unsafe("drop schema if exists public cascade");
    await tx.unsafe("create schema public");
    await tx.unsafe("alter schema public owner to pg_database_owner");
    await forgetApplied(tx as unknown as Sql, PROJECT_AREA);
  });
  const { statements } = compareDatabases(await readDatabase(sql), base);
  await sql.begin(async (tx) => {
    for (const statement of statements) await tx.unsafe(statement);
  });
}
