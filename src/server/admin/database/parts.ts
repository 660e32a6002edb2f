/** What the operations on a whole database are given, and how they fail. */
import type { Sql } from "postgres";
import { defineErrors, ReactorError } from "../../../core/errors.ts";
import type { MigrationFile } from "../../../core/migration.ts";
import type { Clock } from "../../../core/ports/clock.ts";
import type { Ids } from "../../../core/ports/ids.ts";
import type { Logger } from "../../../core/ports/log.ts";
import type { TenantCtx } from "../../../core/tenant.ts";
import { openDirect } from "../../../postgres/databases.ts";
import type { MigrationSet, SqlFailure } from "../../../postgres/migration-plan.ts";

export interface DatabaseParts {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Logger;
  /** `reactor dev`. */
  readonly development: boolean;
  /** The server's own migrations, without the project's. */
  readonly ownSets: readonly MigrationSet[];
  /** Whose tables the change feed chooses; null when only people do. */
  readonly feedPublication: string | null;
  /** @throws database_not_owned */
  checkOwned(): Promise<void>;
  /** Owner's URL without a pooler. */
  directUrl(tenant: TenantCtx): string;
  /** The files of the server's own project, for requests that bring none. */
  projectFiles(): Promise<readonly MigrationFile[]>;
}

export const databaseErrors = defineErrors({
  scratch_database_denied: (cause: Error) => ({
    status: 409,
    message: "A database to compare with could not be made",
    details: cause.message,
    hint: "The owner needs the right to create databases: alter role … createdb",
    cause,
  }),
  migrations_pending: (names: readonly string[]) => ({
    status: 409,
    message: "The database does not have all of the project's migrations",
    details: names.join(", "),
    hint: "Apply them first: reactor migrate",
  }),
  not_in_development: () => ({
    status: 403,
    message: "Only a development server resets its database",
    hint: "Run `reactor dev`",
  }),
  sql_failed: (failure: { file: string | null; line: number | null; cause: SqlFailure }) => ({
    status: 422,
    message: `${failure.file === null ? "" : `${failure.file}${failure.line === null ? "" : `:${failure.line}`}: `}${failure.cause.message}`,
    details: [`SQLSTATE ${failure.cause.code}`, failure.cause.detail].filter(Boolean).join(": "),
    hint: failure.cause.hint ?? null,
    extra: { sqlstate: failure.cause.code, position: Number(failure.cause.position ?? 0) || null },
    cause: failure.cause,
  }),
});

/** A connection of the operation's own: what it leaves behind ends with it. */
export async function withConnection<T>(
  parts: DatabaseParts,
  url: string,
  work: (sql: Sql) => Promise<T>,
): Promise<T> {
  const sql = openDirect(url, parts.log);
  try {
    return await work(sql);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

export function isSqlFailure(error: unknown): error is SqlFailure {
  return (
    error instanceof Error &&
    !(error instanceof ReactorError) &&
    /^[0-9A-Z]{5}$/.test(String((error as Partial<SqlFailure>).code))
  );
}
