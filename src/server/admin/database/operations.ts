/** Makes what `/_admin/db` and `/_admin/sql` call. */
import type { MigrationFile } from "../../../core/migration.ts";
import { diffDatabase, pullDatabase } from "./diff-database.ts";
import type { DatabaseParts } from "./parts.ts";
import { resetDatabase, seedDatabase } from "./reset-database.ts";
import type { DatabaseOperations } from "./routes.ts";
import { runSql } from "./run-sql.ts";

export function createDatabaseOperations(parts: DatabaseParts): DatabaseOperations {
  const filesOf = async (given: readonly MigrationFile[] | undefined) => {
    await parts.checkOwned();
    return given ?? (await parts.projectFiles());
  };
  return {
    diff: async (tenant, migrations) => diffDatabase(parts, tenant, await filesOf(migrations)),
    pull: async (tenant, migrations, name) =>
      pullDatabase(parts, tenant, await filesOf(migrations), name),
    reset: async (tenant, migrations, seeds) =>
      resetDatabase(parts, tenant, await filesOf(migrations), seeds),
    sql: (tenant, request, signal) => runSql(parts, tenant, request, signal),
    async seed(tenant, files) {
      await parts.checkOwned();
      return seedDatabase(parts, tenant, files);
    },
  };
}
