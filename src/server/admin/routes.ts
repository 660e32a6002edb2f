/** `/_admin/*`: the contract of the command line. Every route asks the guard first. */
import type { Static } from "@sinclair/typebox";
import { Elysia, t } from "elysia";
import { readBody, readJsonObject } from "../../core/body.ts";
import { contextOf } from "../../core/context.ts";
import { base } from "../../core/http.ts";
import type { ServerStatus } from "../../core/server-status.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import { type DatabaseOperations, databaseRoutes } from "./database/routes.ts";
import type { DeployReport, DeployRequest } from "./deploy.ts";
import type { DoctorReport } from "./doctor.ts";
import type { LogQuery } from "./read-logs.ts";
import {
  detail,
  JSON_BYTES_MAX,
  migrationList,
  migrationName,
  PART_BYTES_MAX,
  STRICT,
} from "./schemas.ts";
import { type VaultOperations, vaultRoutes } from "./vault/routes.ts";

/** What the routes call; one function each, made by boot. */
export interface AdminOperations {
  version(): Promise<unknown>;
  status(): Promise<ServerStatus>;
  doctor(): Promise<DoctorReport>;
  config(): unknown;
  logs(query: LogQuery, request: Request): Response;
  migrate(tenant: TenantCtx, request: MigrateRequest): Promise<unknown>;
  deploy(tenant: TenantCtx, request: DeployRequest): Promise<DeployReport>;
  putPart(tenant: TenantCtx, sha256: string, body: Uint8Array): Promise<void>;
  backup(tenant: TenantCtx, signal: AbortSignal): Promise<Response>;
  readonly database: DatabaseOperations;
  readonly vault: VaultOperations;
  /** Starts the shutdown and returns at once. */
  shutdown(): void;
}

export interface MigrateRequest {
  readonly dry_run: boolean;
  /** SQL texts by name; absent = the files of the server's own project. */
  readonly migrations?: readonly { readonly name: string; readonly sql: string }[] | undefined;
}

const parse = ({ request }: { request: Request }) => readJsonObject(request, JSON_BYTES_MAX);

const sha256 = t.String({ pattern: "^[0-9a-f]{64}$" });
const size = t.Integer({ minimum: 0, maximum: PART_BYTES_MAX });

const migrateBody = t.Object(
  {
    dry_run: t.Boolean({ default: false }),
    migrations: t.Optional(migrationList),
  },
  STRICT,
);

const deployItem = t.Object(
  {
    name: t.String({ minLength: 1, maxLength: 200 }),
    sha256,
    size_bytes: size,
    settings: t.Record(t.String(), t.Unknown(), { default: {} }),
    promote: t.Optional(
      t.Boolean({ description: "false: kept beside what is in service, without calls" }),
    ),
  },
  STRICT,
);

const deployBody = t.Object(
  {
    dry_run: t.Boolean({ default: false }),
    whole: t.Boolean({
      default: false,
      description: "The sections hold all of a project: what is not in them may be removed",
    }),
    migrations: t.Array(t.Object({ name: migrationName, sha256, size_bytes: size }, STRICT), {
      default: [],
      maxItems: 10_000,
    }),
    sections: t.Record(
      t.String({ pattern: "^[a-z]{1,32}$" }),
      t.Array(deployItem, { maxItems: 1_000 }),
      { default: {} },
    ),
  },
  STRICT,
);

/** From the wire's snake_case to the port's names. */
function deployRequest(body: Static<typeof deployBody>): DeployRequest {
  const sections = Object.entries(body.sections).map(
    ([section, items]) =>
      [
        section,
        items.map(({ size_bytes, ...item }) => ({ ...item, sizeBytes: size_bytes })),
      ] as const,
  );
  return { ...body, sections: Object.fromEntries(sections) };
}

const logQuery = t.Object({
  since: t.Optional(t.String({ maxLength: 40, description: "ISO 8601 time" })),
  level: t.Optional(t.UnionEnum(["debug", "info", "warn", "error"])),
  capability: t.Optional(t.String({ maxLength: 64 })),
  limit: t.Optional(t.Integer({ title: "limit", minimum: 1, maximum: 5_000, default: 200 })),
  follow: t.Optional(t.UnionEnum(["0", "1", "true", "false"])),
});

/** The guard stands before the whole prefix (see `composeApp`), so bodies of strangers are not read. */
export function adminRoutes(operations: AdminOperations) {
  // Not normalised: what is not known is refused, not left out.
  return new Elysia({ name: "server.admin", normalize: false })
    .use(base())
    .use(databaseRoutes(operations.database))
    .use(vaultRoutes(operations.vault))
    .get("/_admin/version", () => operations.version() as never, detail("Versions of all parts"))
    .get("/_admin/status", () => operations.status(), detail("Addresses and keys of this server"))
    .get("/_admin/doctor", () => operations.doctor(), detail("Check and explain the installation"))
    .get("/_admin/config", () => operations.config() as never, detail("Effective configuration"))
    .get("/_admin/logs", ({ query, request }) => operations.logs(query as LogQuery, request), {
      query: logQuery,
      ...detail("Recent log lines", "With `follow=1` a stream of server-sent events."),
    })
    .get(
      "/_admin/backup",
      ({ request }) => {
        const context = contextOf(request);
        context.keepOpen();
        return operations.backup(context.tenant, request.signal);
      },
      detail("Online backup", "One file: database, vault key, configuration."),
    )
    .post(
      "/_admin/migrate",
      ({ body, request }) => operations.migrate(contextOf(request).tenant, body) as never,
      { body: migrateBody, parse, ...detail("Apply migrations") },
    )
    .post(
      "/_admin/deploy",
      ({ body, request }) => operations.deploy(contextOf(request).tenant, deployRequest(body)),
      {
        body: deployBody,
        parse,
        ...detail("Deploy a project", "Migrations first, then each section."),
      },
    )
    .put(
      "/_admin/deploy/parts/:sha256",
      async ({ params, request }) => {
        await operations.putPart(
          contextOf(request).tenant,
          params.sha256,
          await readBody(request, PART_BYTES_MAX),
        );
        return new Response(null, { status: 204 });
      },
      { params: t.Object({ sha256 }), parse: "none", ...detail("Upload a part of a deploy") },
    )
    .post(
      "/_admin/shutdown",
      ({ set }) => {
        operations.shutdown();
        set.status = 202;
        return { status: "stopping" };
      },
      detail("Stop the server gracefully"),
    );
}
