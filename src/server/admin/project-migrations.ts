/** The project's migrations (`app`) as deploys and `/_admin/migrate` apply them. */
import { join } from "node:path";
import type { Sql } from "postgres";
import type { MigrationFile } from "../../core/migration.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { DeployChange } from "../../core/ports/deployer.ts";
import type { Logger } from "../../core/ports/log.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import { loadMigrations, type MigrationSet, migrationSet } from "../../postgres/migration-plan.ts";
import { migrate } from "../../postgres/migrator.ts";
import type { DeployMigration, ProjectMigrations } from "./deploy.ts";
import type { MigrateRequest } from "./routes.ts";

/** Where a user's migrations stand in the ledger. */
export const PROJECT_AREA = "app";

export interface ProjectMigrationOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** The owner's connection, without a pooler. */
  directFor(tenant: TenantCtx): Sql;
  /** Absolute; null when the server has no project. */
  readonly migrationsDir: string | null;
  /** Has capabilities read again what they keep of the database's schema. */
  refresh(): Promise<unknown>;
}

export interface MigrateAnswer {
  readonly status: "planned" | "complete";
  readonly applied: readonly { name: string; ms: number }[];
  readonly pending: readonly string[];
  readonly missing: readonly string[];
}

/** Files of a project's folder, or none. */
export function projectMigrationSet(dir: string | null): Promise<MigrationSet> {
  return dir === null
    ? Promise.resolve({ area: PROJECT_AREA, migrations: [] })
    : loadMigrations(dir, PROJECT_AREA);
}

export function createProjectMigrations(options: ProjectMigrationOptions): ProjectMigrations & {
  run(tenant: TenantCtx, request: MigrateRequest): Promise<MigrateAnswer>;
  /** Those of the server's own project. */
  files(): Promise<readonly MigrationFile[]>;
} {
  const { clock, log } = options;
  /** Whoever is told that it is done finds the new tables: capabilities have read them by then. */
  const apply = async (tenant: TenantCtx, set: MigrationSet, dryRun: boolean) => {
    const report = await migrate(options.directFor(tenant), [set], { clock, log, dryRun });
    if (report.applied.length > 0 && !dryRun) await options.refresh();
    return report;
  };
  return {
    async plan(tenant, announced) {
      const set = announcedSet(announced);
      const { pending } = await apply(tenant, set, true);
      const waiting = new Set(pending);
      return set.migrations.map((m) =>
        change(m.name, waiting.has(m.id) ? "create" : "unchanged", m.checksum),
      );
    },
    async apply(tenant, files) {
      const set = migrationSet(PROJECT_AREA, files);
      await apply(tenant, set, false);
      return set.migrations.map((m) => change(m.name, "create", m.checksum));
    },
    files: async () => (await projectMigrationSet(options.migrationsDir)).migrations,
    async run(tenant, request) {
      const set = request.migrations
        ? migrationSet(PROJECT_AREA, request.migrations)
        : await projectMigrationSet(options.migrationsDir);
      const report = await apply(tenant, set, request.dry_run);
      return {
        status: request.dry_run ? "planned" : "complete",
        applied: report.applied.map(({ id, durationMs }) => ({
          name: id,
          ms: Math.round(durationMs),
        })),
        pending: report.pending,
        missing: report.missing,
      };
    },
  };
}

/** What was announced, with the checksum and without the text: enough for a plan. */
function announcedSet(announced: readonly DeployMigration[]): MigrationSet {
  const files: MigrationFile[] = announced.map(({ name }) => ({ name, sql: "" }));
  const sums = new Map(announced.map(({ name, sha256 }) => [name, sha256]));
  const { migrations } = migrationSet(PROJECT_AREA, files);
  return {
    area: PROJECT_AREA,
    migrations: migrations.map((m) => ({ ...m, checksum: sums.get(m.name) ?? m.checksum })),
  };
}

function change(name: string, action: DeployChange["action"], version: string): DeployChange {
  return { name, action, version };
}

/** `[data] migrations_dir` within the project. */
export function migrationsDirOf(projectDir: string | null, name: string): string | null {
  return projectDir === null ? null : join(projectDir, name);
}
