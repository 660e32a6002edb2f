/** `/_admin/db/*` and `/_admin/sql`: what a developer does with a whole database. */
import { Elysia, t } from "elysia";
import { readJsonObject } from "../../../core/body.ts";
import { contextOf } from "../../../core/context.ts";
import { base } from "../../../core/http.ts";
import type { MigrationFile } from "../../../core/migration.ts";
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
}

const parse = ({ request }: { request: Request }) => readJsonObject(request, JSON_BYTES_MAX);

const sqlFiles = t.Array(
  t.Object({ name: t.String({ minLength: 1, maxLength: 1_000 }), sql: sqlText }, STRICT),
  { maxItems: 1_000 },
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
    );
}
