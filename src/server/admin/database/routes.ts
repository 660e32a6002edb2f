/** `/_admin/db/*` and `/_admin/sql`: what a developer does with a whole database. */
import { Elysia, t } from "elysia";
import { readJsonObject } from "../../../core/body.ts";
import { contextOf } from "../../../core/context.ts";
import { base } from "../../../core/http.ts";
import type { MigrationFile } from "../../../core/migration.ts";
import type { SqlAnswer } from "../../../core/sql-answer.ts";
import type { TenantCtx } from "../../../core/tenant.ts";
import {
  detail,
  JSON_BYTES_MAX,
  migrationList,
  migrationName,
  STRICT,
  sqlText,
} from "../schemas.ts";
import type { DiffAnswer, PullAnswer } from "./diff-database.ts";
import type { ResetAnswer, SeedAnswer, SqlFile } from "./reset-database.ts";
import type { SqlRequest } from "./run-sql.ts";

/** What the routes call. `migrations` absent: those of the server's own project. */
export interface DatabaseOperations {
  diff(tenant: TenantCtx, migrations: readonly MigrationFile[] | undefined): Promise<DiffAnswer>;
  pull(
    tenant: TenantCtx,
    migrations: readonly MigrationFile[] | undefined,
    name: string,
  ): Promise<PullAnswer>;
  reset(
    tenant: TenantCtx,
    migrations: readonly MigrationFile[] | undefined,
    seeds: readonly SqlFile[],
  ): Promise<ResetAnswer>;
  seed(tenant: TenantCtx, files: readonly SqlFile[]): Promise<SeedAnswer>;
  sql(tenant: TenantCtx, request: SqlRequest, signal: AbortSignal): Promise<SqlAnswer>;
}

const parse = ({ request }: { request: Request }) => readJsonObject(request, JSON_BYTES_MAX);

const sqlFiles = t.Array(
  t.Object({ name: t.String({ minLength: 1, maxLength: 1_000 }), sql: sqlText }, STRICT),
  { maxItems: 1_000 },
);

const sqlBody = t.Object(
  {
    sql: sqlText,
    params: t.Array(t.String(), { default: [], maxItems: 100 }),
    write: t.Boolean({ default: false, description: "False: a read-only transaction" }),
    as: t.Optional(
      t.String({ minLength: 1, maxLength: 320, description: "A role, or a user's id or address" }),
    ),
    single_transaction: t.Boolean({ default: false }),
    max_rows: t.Integer({ minimum: 0, maximum: 1_000_000, default: 10_000 }),
    timeout_ms: t.Integer({ minimum: 1, maximum: 86_400_000, default: 60_000 }),
  },
  STRICT,
);

export function databaseRoutes(operations: DatabaseOperations) {
  const tenantOf = (request: Request) => contextOf(request).tenant;
  return new Elysia({ name: "server.admin.database", normalize: false })
    .use(base())
    .post(
      "/_admin/db/diff",
      ({ body, request }) => operations.diff(tenantOf(request), body.migrations),
      {
        body: t.Object({ migrations: t.Optional(migrationList) }, STRICT),
        parse,
        ...detail("What the database has that the migrations do not"),
      },
    )
    .post(
      "/_admin/db/pull",
      ({ body, request }) => operations.pull(tenantOf(request), body.migrations, body.name),
      {
        body: t.Object({ migrations: t.Optional(migrationList), name: migrationName }, STRICT),
        parse,
        ...detail("The difference as the next migration", "It is noted as applied."),
      },
    )
    .post(
      "/_admin/db/reset",
      ({ body, request }) => operations.reset(tenantOf(request), body.migrations, body.seeds),
      {
        body: t.Object({ migrations: t.Optional(migrationList), seeds: sqlFiles }, STRICT),
        parse,
        ...detail(
          "Drop the project's part of the database and make it anew",
          "In development only.",
        ),
      },
    )
    .post(
      "/_admin/db/seed",
      ({ body, request }) => operations.seed(tenantOf(request), body.files),
      {
        body: t.Object({ files: sqlFiles }, STRICT),
        parse,
        ...detail("Run SQL files in one transaction"),
      },
    )
    .post(
      "/_admin/sql",
      ({ body, request }) => operations.sql(tenantOf(request), body, request.signal),
      {
        body: sqlBody,
        parse,
        ...detail("Run SQL", "In a read-only transaction unless `write` is given."),
      },
    );
}
