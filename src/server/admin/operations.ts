/** Makes what `/_admin` calls, from the assembled parts. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Config } from "../../core/config/config.ts";
import type { ServerConfig } from "../../core/config/sections.ts";
import { defineErrors } from "../../core/errors.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { Ids } from "../../core/ports/ids.ts";
import type { Logger } from "../../core/ports/log.ts";
import type { Mail } from "../../core/ports/mail.ts";
import type { Rng } from "../../core/ports/rng.ts";
import type { ServerStatus } from "../../core/server-status.ts";
import { DEFAULT_TENANT, type TenantCtx } from "../../core/tenant.ts";
import { parseDatabaseUrl } from "../../postgres/url.ts";
import { copyOut } from "../../postgres/wire/copy-out.ts";
import type { Log } from "../../shared/log/create-log.ts";
import { BACKUP_FORMAT, BASE_BACKUP, writeBackup } from "../backup/write-backup.ts";
import type { OpenedDatabase } from "../boot/database.ts";
import { isForeign } from "../boot/foreign-database.ts";
import type { Listening } from "../boot/listen.ts";
import { ownMigrationSets } from "../boot/migration-sets.ts";
import type { MountedServer } from "../boot/mount.ts";
import type { SharedParts } from "../boot/shared-parts.ts";
import type { HealthReport } from "../health.ts";
import { SERVERS_PREFIX } from "../housekeeping.ts";
import { createDatabaseOperations } from "./database/operations.ts";
import { deploy, storePart } from "./deploy.ts";
import { createDeployStore } from "./deploy-store.ts";
import { examine } from "./doctor.ts";
import { createProjectMigrations, migrationsDirOf } from "./project-migrations.ts";
import { readLogs } from "./read-logs.ts";
import type { AdminOperations } from "./routes.ts";
import { createVaultOperations } from "./vault/operations.ts";

export interface OperationsOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly rng: Rng;
  readonly log: Logger;
  readonly logs: Log;
  readonly version: string;
  readonly dataDir: string;
  readonly projectDir: string | null;
  readonly shared: SharedParts;
  readonly database: OpenedDatabase;
  readonly mounted: MountedServer;
  readonly development: boolean;
  health(): Promise<HealthReport>;
  listening(): Listening | undefined;
  onShutdownRequest(): void;
}

const adminErrors = defineErrors({
  database_not_owned: () => ({
    status: 409,
    message: "This server serves a database that is not its own (data.db_uri)",
    hint: "Change that database with the tools of whoever owns it",
  }),
  backup_external_database: () => ({
    status: 409,
    message: "This server's database is not its own, so it cannot back it up as a file",
    hint: "Use the database provider's backups, or pg_dump",
  }),
});

export function createAdminOperations(options: OperationsOptions): AdminOperations {
  const { shared, clock, log, ids } = options;
  const startedAt = new Date(clock.now()).toISOString();
  const { migrations_dir } = options.config.section<{ migrations_dir: string }>("data");
  const checkOwned = async () => {
    if (isForeign(options.config)) throw adminErrors.database_not_owned();
  };
  const migrations = createProjectMigrations({
    clock,
    log,
    directFor: (tenant) => shared.databases.for(tenant).direct,
    migrationsDir: migrationsDirOf(options.projectDir, migrations_dir),
    // A schema that cannot be read now is read with the next request; the migration stands.
    refresh: () =>
      Promise.allSettled(options.mounted.capabilities.map(({ mounted }) => mounted.refresh?.())),
  });
  const store = createDeployStore((tenant) => shared.databases.for(tenant).system);
  const deployer = options.mounted.ports.functions_deployer;
  const deployOptions = {
    store,
    migrations,
    deployers: deployer ? [deployer] : [],
    leases: shared.leases,
    ids,
    log,
    clock,
  };
  return {
    version: () => readVersion(options),
    status: () => readStatus(options, startedAt),
    doctor: async () =>
      examine({
        version: options.version,
        dataDir: options.dataDir,
        clock,
        urls: options.listening()?.urls ?? [],
        sql: shared.databases.for(DEFAULT_TENANT).system,
        project: () => shared.project(DEFAULT_TENANT),
        vault: async () => (await shared.vaultAdmin?.status(DEFAULT_TENANT)) ?? null,
        mail: mailOf(shared.mail),
        publicUrl: options.config.section<ServerConfig>("server").public_url,
        servers: async () => (await shared.kv.list(DEFAULT_TENANT, SERVERS_PREFIX)).length,
        health: options.health,
        parts: Object.fromEntries(
          options.mounted.capabilities.map(({ capability, mounted }) => [
            capability.name,
            async () => (await mounted.findings?.()) ?? [],
          ]),
        ),
      }),
    config: () => ({ values: options.config.explain(), file: options.config.file }),
    logs: (query, request) => readLogs(options.logs.buffer, clock, query, request),
    migrate: (tenant, request) => checkOwned().then(() => migrations.run(tenant, request)),
    deploy: (tenant, request) => checkOwned().then(() => deploy(deployOptions, tenant, request)),
    putPart: (tenant, sha256, body) =>
      checkOwned().then(() => storePart(store, tenant, sha256, body)),
    backup: (tenant, signal) => backup(options, tenant, signal),
    database: createDatabaseOperations({
      clock,
      ids,
      log,
      development: options.development,
      ownSets: ownMigrationSets(options.mounted.capabilities.map((m) => m.capability)),
      feedPublication: feedPublication(options),
      checkOwned,
      directUrl: (tenant) => options.database.urlsFor(tenant).directUrl,
      projectFiles: () => migrations.files(),
    }),
    vault: createVaultOperations({
      ...{ admin: shared.vaultAdmin, vault: shared.vault, log, checkOwned },
    }),
    shutdown: () => options.onShutdownRequest(),
  };
}

function feedPublication({ config }: OperationsOptions): string | null {
  const { realtime_publication: name, realtime_auto_publish: isAutomatic } = config.section<{
    realtime_publication: string;
    realtime_auto_publish: boolean;
  }>("data");
  return isAutomatic ? name : null;
}

function mailOf(mail: Mail) {
  if (mail.transport === null) return null;
  return { server: mail.transport, probe: () => mail.probe(DEFAULT_TENANT) };
}

function mountedNames(options: OperationsOptions): Record<string, { status: string }> {
  return Object.fromEntries(
    options.mounted.capabilities.map(({ capability }) => [capability.name, { status: "mounted" }]),
  );
}

async function readVersion(options: OperationsOptions): Promise<unknown> {
  return {
    version: options.version,
    bun: Bun.version,
    platform: `${process.platform}-${process.arch}`,
    postgres: await postgresVersion(options),
    capabilities: mountedNames(options),
  };
}

async function postgresVersion(options: OperationsOptions): Promise<string | null> {
  const sql = options.shared.databases.for(DEFAULT_TENANT).system;
  const [row] = await sql<
    { version: string }[]
  >`select current_setting('server_version') as version`;
  return row?.version ?? null;
}

async function readStatus(options: OperationsOptions, startedAt: string): Promise<ServerStatus> {
  const project = isForeign(options.config)
    ? { publishableKey: "", secretKey: "" }
    : await options.shared.project(DEFAULT_TENANT);
  const url = options.listening()?.url ?? "";
  const remoteAuth = options.config.section<{ url: string }>("auth").url;
  return {
    url,
    pid: process.pid,
    publishable_key: project.publishableKey,
    secret_key: project.secretKey,
    jwks_url: `${remoteAuth === "" ? url : remoteAuth.replace(/\/+$/, "")}/auth/v1/.well-known/jwks.json`,
    database_url: options.database.urlsFor(DEFAULT_TENANT).ownerUrl,
    version: options.version,
    capabilities: mountedNames(options),
    data_dir: options.dataDir,
    started_at: startedAt,
  };
}

async function backup(
  options: OperationsOptions,
  tenant: TenantCtx,
  signal: AbortSignal,
): Promise<Response> {
  if (!options.database.embedded) throw adminErrors.backup_external_database();
  const address = parseDatabaseUrl(options.database.urlsFor(tenant).directUrl);
  const { clock, rng } = options;
  const head = {
    format: BACKUP_FORMAT,
    created_at: new Date(options.clock.now()).toISOString(),
    reactor_version: options.version,
    postgres_major: await postgresMajor(options, tenant),
  };
  const release = (await options.shared.vaultAdmin?.keepSteady()) ?? (() => undefined);
  signal.addEventListener("abort", release, { once: true });
  const files = await ownFiles(options).catch((error: unknown) => {
    release();
    throw error;
  });
  const messages = untilDone(copyOut({ address, clock, rng, signal }, BASE_BACKUP), release);
  const stream = writeBackup({ messages, head, files, clock });
  return new Response(stream, {
    headers: { "Content-Type": "application/zstd", "Cache-Control": "no-store" },
  });
}

/** The same messages; `done` is called when they have ended, however they did. */
async function* untilDone<T>(messages: AsyncIterable<T>, done: () => void): AsyncGenerator<T> {
  try {
    yield* messages;
  } finally {
    done();
  }
}

async function postgresMajor(options: OperationsOptions, tenant: TenantCtx): Promise<number> {
  const [row] = await options.shared.databases.for(tenant).system<{ major: number }[]>`
    select current_setting('server_version_num')::int / 10000 as major`;
  return row?.major ?? 0;
}

/** What lies beside the cluster: the key that opens the vault, and the configuration. */
async function ownFiles(options: OperationsOptions): Promise<Record<string, Uint8Array>> {
  const wanted: Record<string, string | null> = {
    "reactor/vault.key": join(options.dataDir, "vault.key"),
    "reactor/reactor.toml": options.config.file,
  };
  const files: Record<string, Uint8Array> = {};
  for (const [name, path] of Object.entries(wanted)) {
    if (path === null) continue;
    // Absent when the key comes from the configuration: then it is kept by whoever configured it.
    const content = await readFile(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
      return null;
    });
    if (content) files[name] = content;
  }
  return files;
}
