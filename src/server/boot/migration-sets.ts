/** Everything that is migrated at boot, in order: system, capabilities, the project. */
import system0001 from "../../../migrations/system/0001_roles.sql" with { type: "text" };
import system0002 from "../../../migrations/system/0002_shared.sql" with { type: "text" };
import system0003 from "../../../migrations/system/0003_schema_watch.sql" with { type: "text" };
import system0004 from "../../../migrations/system/0004_deploy.sql" with { type: "text" };
import system0005 from "../../../migrations/system/0005_schema_watch_more.sql" with {
  type: "text",
};
import system0006 from "../../../migrations/system/0006_org_claims.sql" with { type: "text" };
import system0007 from "../../../migrations/system/0007_vault_roots.sql" with { type: "text" };
import system0008 from "../../../migrations/system/0008_scoped_tokens.sql" with { type: "text" };
import system0009 from "../../../migrations/system/0009_schema_watch_policies.sql" with {
  type: "text",
};
import type { Capability } from "../../core/capability.ts";
import type { Config } from "../../core/config/config.ts";
import type { MigrationFile } from "../../core/migration.ts";
import { type MigrationSet, migrationSet } from "../../postgres/migration-plan.ts";
import { migrationsDirOf, projectMigrationSet } from "../admin/project-migrations.ts";
import { capabilities as allCapabilities } from "../list.ts";

const SYSTEM: readonly MigrationFile[] = [
  { name: "0001_roles", sql: system0001 },
  { name: "0002_shared", sql: system0002 },
  { name: "0003_schema_watch", sql: system0003 },
  { name: "0004_deploy", sql: system0004 },
  { name: "0005_schema_watch_more", sql: system0005 },
  { name: "0006_org_claims", sql: system0006 },
  { name: "0007_vault_roots", sql: system0007 },
  { name: "0008_scoped_tokens", sql: system0008 },
  { name: "0009_schema_watch_policies", sql: system0009 },
];

export interface MigrationSetsOptions {
  readonly config: Config;
  readonly projectDir: string | null;
  readonly capabilities: readonly Capability[];
}

/** The server's own, without the project's. */
export function ownMigrationSets(capabilities: readonly Capability[]): MigrationSet[] {
  const known = new Set([...allCapabilities, ...capabilities]);
  const own = [...known].map((c) => migrationSet(c.name, c.migrations));
  return [migrationSet("system", SYSTEM), ...own.filter((s) => s.migrations.length > 0)];
}

/**
 * Every capability's schema is applied whatever is mounted: a project's migrations may refer to
 * `auth.users` on a server that serves data alone.
 */
export async function migrationSets(options: MigrationSetsOptions): Promise<MigrationSet[]> {
  const { migrations_dir } = options.config.section<{ migrations_dir: string }>("data");
  const project = await projectMigrationSet(migrationsDirOf(options.projectDir, migrations_dir));
  return [...ownMigrationSets(options.capabilities), project];
}
