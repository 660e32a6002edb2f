/**
 * A whole server in the test's own process: real listeners, a fresh database on the shared test
 * PostgreSQL, a data folder of its own. What the HTTP tests and the topology test talk to.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { bundleFunction } from "../../src/runtime/bundle.ts";
import { boot } from "../../src/server/boot/boot.ts";
import { loadServerConfig } from "../../src/server/host/config.ts";
import { capabilities } from "../../src/server/list.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { createLog, type Log } from "../../src/shared/log/create-log.ts";
import { systemRng } from "../../src/shared/rng.ts";
import { singleTenant, type Tenants } from "../../src/shared/tenants.ts";
import { testPostgres } from "./postgres.ts";

export interface TestServerOptions {
  /** Capabilities to mount; default all. */
  readonly only?: readonly string[];
  /** `section -> key -> value`, over the defaults for tests. */
  readonly config?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Folder of a project, relative to the repository; its migrations and functions are applied. */
  readonly project?: string;
  /** Use this database (owner URL) instead of a fresh one. */
  readonly databaseUrl?: string;
  /** The same data folder, hence the same vault key, as another server. */
  readonly vaultKey?: string;
  readonly tenants?: Tenants;
  readonly tenantUrls?: Readonly<Record<string, string>>;
  readonly development?: boolean;
}

export interface TestServer {
  readonly url: string;
  readonly publishableKey: string;
  readonly secretKey: string;
  readonly adminToken: string;
  readonly ownerUrl: string;
  readonly dataDir: string;
  readonly vaultKey: string;
  /** Everything the server has logged, for looking into. */
  readonly logs: Log;
  stop(): Promise<void>;
}

const ROOT = resolve(import.meta.dir, "../..");
/** Hashing at full strength would make every signing-up test slow; the strength has its own test. */
const TEST_CONFIG = {
  server: { port: 0, shutdown_timeout_s: 5 },
  auth: { hash_memory_kib: 4096, hash_iterations: 1 },
};

export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const database = options.databaseUrl ? null : await (await testPostgres()).createDatabase();
  const ownerUrl = options.databaseUrl ?? database?.url ?? "";
  const dataDir = mkdtempSync(join(tmpdir(), "reactor-test-server-"));
  const vaultKey = options.vaultKey ?? Buffer.from(systemRng.bytes(32)).toString("base64");
  const projectDir = options.project ? resolve(ROOT, options.project) : null;
  const file = projectDir ? join(projectDir, "reactor.toml") : null;
  const exists = file !== null && (await Bun.file(file).exists());
  const config = loadServerConfig(
    { dir: projectDir, file: exists ? file : null },
    flags(options, ownerUrl, vaultKey),
    {},
  );
  const logs = createLog({
    clock: systemClock,
    level: "debug",
    format: "json",
    color: false,
    sink: { write: () => undefined, flush: () => Promise.resolve() },
  });
  const { only } = options;
  const server = await boot({
    config,
    projectDir,
    dataDir,
    capabilities: only ? capabilities.filter((c) => only.includes(c.name)) : capabilities,
    development: options.development ?? false,
    version: "0.0.0-test",
    logs,
    env: {},
    clock: systemClock,
    rng: systemRng,
    tenants: options.tenants ?? singleTenant(),
    ...(options.tenantUrls ? { tenantUrls: options.tenantUrls } : {}),
    bundleFunction: async (path) => new TextEncoder().encode((await bundleFunction(path)).code),
    onShutdownRequest: () => undefined,
  });
  const status = await server.status();
  return {
    url: server.url,
    publishableKey: status.publishable_key,
    secretKey: status.secret_key,
    adminToken: server.adminToken,
    ownerUrl,
    dataDir,
    vaultKey,
    logs,
    async stop() {
      await server.stop(5_000);
      rmSync(dataDir, { recursive: true, force: true });
      await database?.drop();
    },
  };
}

function flags(options: TestServerOptions, ownerUrl: string, vaultKey: string) {
  const merged: Record<string, unknown> = {
    "database.url": ownerUrl,
    "vault.key": vaultKey,
  };
  for (const source of [TEST_CONFIG, options.config ?? {}]) {
    for (const [section, values] of Object.entries(source)) {
      for (const [key, value] of Object.entries(values)) merged[`${section}.${key}`] = value;
    }
  }
  return merged;
}
