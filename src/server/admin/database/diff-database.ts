/**
 * `POST /_admin/db/diff` and `/_admin/db/pull`: what the database has that the project's migrations
 * do not make. They are applied to a scratch database of the same server, and the two are compared.
 */
import type { Sql } from "postgres";
import type { MigrationFile } from "../../../core/migration.ts";
import type { TenantCtx } from "../../../core/tenant.ts";
import { compareDatabases } from "../../../postgres/ddl/compare.ts";
import type { DdlObject } from "../../../postgres/ddl/ddl-object.ts";
import { readDatabase } from "../../../postgres/ddl/read-database.ts";
import { writeScript } from "../../../postgres/ddl/write-script.ts";
import {
  type MigrationSet,
  migrationSet,
  planMigrations,
} from "../../../postgres/migration-plan.ts";
import { readLedger, recordAsApplied } from "../../../postgres/migrator.ts";
import { PROJECT_AREA } from "../project-migrations.ts";
import { type DatabaseParts, databaseErrors, withConnection } from "./parts.ts";
import { withScratchDatabase } from "./scratch-database.ts";

export interface DiffAnswer {
  /** Empty when there is no difference. */
  readonly sql: string;
  readonly statements: number;
  /** What the statements do not do. */
  readonly warnings: readonly string[];
  /** Migrations that the database does not have; they were left out. */
  readonly pending: readonly string[];
}

export interface PullAnswer extends DiffAnswer {
  /** File name without `.sql`; null when there was nothing to pull. */
  readonly name: string | null;
}

export async function diffDatabase(
  parts: DatabaseParts,
  tenant: TenantCtx,
  files: readonly MigrationFile[],
): Promise<DiffAnswer> {
  const set = migrationSet(PROJECT_AREA, files);
  const { applied, pending } = await splitApplied(parts, tenant, set);
  const sets = [...parts.ownSets, applied];
  const read = (sql: Sql) => readDatabase(sql, (object) => isOfTheFeed(object, parts));
  const from = await withScratchDatabase(parts, tenant, sets, read);
  const to = await withConnection(parts, parts.directUrl(tenant), read);
  const { statements, warnings } = compareDatabases(from, to);
  const known = new Set(from.unsupported);
  const unwritten = to.unsupported
    .filter((title) => !known.has(title))
    .map((title) => `${title} is not written`);
  return {
    sql: writeScript(statements),
    statements: statements.length,
    warnings: [...warnings, ...unwritten],
    pending,
  };
}

/** Tables that the change feed publishes as they are followed: in no migration. */
function isOfTheFeed(
  { kind, key }: DdlObject,
  { feedPublication: publication }: DatabaseParts,
): boolean {
  if (kind !== "publication member" || publication === null) return false;
  const names = [publication, `"${publication.replaceAll('"', '""')}"`];
  return names.some((name) => key.startsWith(`${kind} ${name} of `));
}

/** @throws migration_drift, migration_out_of_order */
async function splitApplied(
  parts: DatabaseParts,
  tenant: TenantCtx,
  set: MigrationSet,
): Promise<{ applied: MigrationSet; pending: string[] }> {
  const ledger = await withConnection(parts, parts.directUrl(tenant), readLedger);
  const plan = planMigrations([set], ledger);
  const waiting = new Set(plan.pending.map(({ migration }) => migration.id));
  const migrations = set.migrations.filter(({ id }) => !waiting.has(id));
  return { applied: { area: set.area, migrations }, pending: [...waiting] };
}

/**
 * The difference as the next migration, noted as applied here: the database has it.
 * @throws migrations_pending
 */
export async function pullDatabase(
  parts: DatabaseParts,
  tenant: TenantCtx,
  files: readonly MigrationFile[],
  name: string,
): Promise<PullAnswer> {
  const diff = await diffDatabase(parts, tenant, files);
  if (diff.pending.length > 0) throw databaseErrors.migrations_pending(diff.pending);
  if (diff.statements === 0) return { ...diff, name: null };
  const { migrations } = migrationSet(PROJECT_AREA, [...files, { name, sql: diff.sql }]);
  const pulled = migrations.find((migration) => migration.name === name);
  await withConnection(parts, parts.directUrl(tenant), async (sql) => {
    if (pulled) await recordAsApplied(sql, PROJECT_AREA, pulled);
  });
  return { ...diff, name };
}
