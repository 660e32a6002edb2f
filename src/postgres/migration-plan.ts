/**
 * What a migration is, where it comes from, and which are to be applied: everything about
 * migrations that needs no database. `migrator.ts` carries the plan out.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { defineErrors } from "../core/errors.ts";
import type { MigrationFile } from "../core/migration.ts";

export interface Migration {
  /** `<area>/<name>`, e.g. `auth/0001_identity`. */
  readonly id: string;
  readonly name: string;
  readonly sql: string;
  /** Hex SHA-256 of the text with LF line ends. */
  readonly checksum: string;
}

/** The migrations of one capability, or of the user's project (`app`). */
export interface MigrationSet {
  readonly area: string;
  readonly migrations: readonly Migration[];
}

/** A row of the ledger. */
export interface AppliedMigration {
  readonly area: string;
  readonly name: string;
  readonly checksum: string;
}

export interface MigrationPlan {
  /** In the order of application. */
  readonly pending: readonly { area: string; migration: Migration }[];
  /** Ids that the ledger knows and no file of the given areas carries any more. */
  readonly missing: readonly string[];
  /** How many of the given migrations are already applied. */
  readonly appliedCount: number;
}

export const migrationErrors = defineErrors({
  migration_drift: (id: string) => ({
    status: 409,
    message: `${id}.sql was changed after it had been applied`,
    hint: "Restore the file as it was, and write a new migration for the change",
  }),
  migration_out_of_order: (id: string, last: string) => ({
    status: 409,
    message: `${id}.sql comes before ${last}, which is already applied`,
    hint: "Give the new file a number after the last one",
  }),
  migration_duplicate: (first: string, second: string) => ({
    status: 400,
    message: `${first} and ${second} have the same number`,
    hint: "Give each migration a number of its own",
  }),
  migration_name_invalid: (name: string) => ({
    status: 400,
    message: `${name} does not start with a number`,
    hint: "Name migrations like 0001_tables.sql or 20260101120000_tables.sql",
  }),
  migration_failed: (failure: { id: string; line: number | null; cause: SqlFailure }) => ({
    status: 422,
    message: `${failure.id}.sql${failure.line === null ? "" : `:${failure.line}`}: ${failure.cause.message}`,
    details: [`SQLSTATE ${failure.cause.code}`, failure.cause.detail].filter(Boolean).join(": "),
    hint: failure.cause.hint ?? null,
    extra: { file: `${failure.id}.sql`, line: failure.line, sqlstate: failure.cause.code },
    cause: failure.cause,
  }),
});

/** The fields of a driver's error that a person needs. */
export interface SqlFailure extends Error {
  readonly code: string;
  readonly detail?: string;
  readonly hint?: string;
  readonly position?: string;
}

const NUMBERED = /^(\d+)(?:[_-].*)?$/;

/** Sorts the files by number and checks the names. Throws `migration_name_invalid`, `migration_duplicate`. */
export function migrationSet(area: string, files: readonly MigrationFile[]): MigrationSet {
  const sorted = [...files].sort((left, right) => compareNames(left.name, right.name));
  for (const [at, { name }] of sorted.entries()) {
    if (!NUMBERED.test(name)) throw migrationErrors.migration_name_invalid(`${name}.sql`);
    const before = sorted[at - 1]?.name;
    if (before !== undefined && numberOf(before) === numberOf(name)) {
      throw migrationErrors.migration_duplicate(`${before}.sql`, `${name}.sql`);
    }
  }
  const migrations = sorted.map(({ name, sql }) => ({
    id: `${area}/${name}`,
    name,
    sql,
    checksum: checksumOf(sql),
  }));
  return { area, migrations };
}

/** Reads `*.sql` of a folder (drizzle-kit's output is accepted as it is). No folder, no migrations. */
export async function loadMigrations(dir: string, area = "app"): Promise<MigrationSet> {
  const names = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const files = names
    .filter((name) => name.endsWith(".sql"))
    .map(async (name) => ({
      name: name.slice(0, -".sql".length),
      sql: await readFile(join(dir, name), "utf8"),
    }));
  return migrationSet(area, await Promise.all(files));
}

/** Throws `migration_drift` or `migration_out_of_order`. Sets are applied in the order given. */
export function planMigrations(
  sets: readonly MigrationSet[],
  ledger: readonly AppliedMigration[],
): MigrationPlan {
  const pending: { area: string; migration: Migration }[] = [];
  const missing: string[] = [];
  let appliedCount = 0;
  for (const { area, migrations } of sets) {
    const applied = new Map(
      ledger.filter((row) => row.area === area).map((row) => [row.name, row.checksum]),
    );
    const last = [...applied.keys()].sort(compareNames).at(-1);
    for (const migration of migrations) {
      if (isApplied(migration, applied)) appliedCount += 1;
      else if (last !== undefined && compareNames(migration.name, last) < 0) {
        throw migrationErrors.migration_out_of_order(migration.id, last);
      } else pending.push({ area, migration });
    }
    const names = new Set(migrations.map((migration) => migration.name));
    for (const name of applied.keys()) if (!names.has(name)) missing.push(`${area}/${name}`);
  }
  return { pending, missing, appliedCount };
}

function isApplied(migration: Migration, applied: ReadonlyMap<string, string>): boolean {
  const checksum = applied.get(migration.name);
  if (checksum === undefined) return false;
  if (checksum !== migration.checksum) throw migrationErrors.migration_drift(migration.id);
  return true;
}

/** By number first, so that 10 comes after 9; then by name. */
function compareNames(left: string, right: string): number {
  const [a, b] = [numberOf(left), numberOf(right)];
  if (a !== b) return a < b ? -1 : 1;
  return left < right ? -1 : Number(left > right);
}

function numberOf(name: string): bigint {
  return BigInt(NUMBERED.exec(name)?.[1] ?? -1);
}

function checksumOf(sql: string): string {
  return new Bun.CryptoHasher("sha256").update(sql.replaceAll("\r\n", "\n")).digest("hex");
}
