/**
 * The functions capability by itself on a real database with the real runtimes: no edge, no auth.
 * Who calls is said by the test; two worlds on one database are two servers.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Value } from "@sinclair/typebox/value";
import type { Sql } from "postgres";
import { functionsConfig } from "../../src/capabilities/functions/config.ts";
import { mountFunctions } from "../../src/capabilities/functions/mount-functions.ts";
import type { Deps, Mounted } from "../../src/core/capability.ts";
import { attachContext, type RequestContext } from "../../src/core/context.ts";
import type { Principal } from "../../src/core/ports/auth.ts";
import type { Bus } from "../../src/core/ports/bus.ts";
import type { DeployChange, Deployer } from "../../src/core/ports/deployer.ts";
import type { Policies } from "../../src/core/ports/policies.ts";
import { DEFAULT_TENANT } from "../../src/core/tenant.ts";
import { parseDatabaseUrl } from "../../src/postgres/url.ts";
import { CopyIn } from "../../src/postgres/wire/copy-in.ts";
import { createMemoryBus } from "../../src/shared/bus/memory-bus.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { createMemoryEvents } from "../../src/shared/events/memory-events.ts";
import { createMemoryIdempotency } from "../../src/shared/idempotency/memory-idempotency.ts";
import { createIds } from "../../src/shared/ids.ts";
import { createMemoryLeases } from "../../src/shared/leases/memory-leases.ts";
import { createMetrics } from "../../src/shared/metrics.ts";
import { createPolicies } from "../../src/shared/policy/create-policies.ts";
import { systemRng } from "../../src/shared/rng.ts";
import { createMemoryVault } from "../../src/shared/vault/memory-vault.ts";
import { createMemoryLog, type MemoryLog } from "../support/memory-log.ts";
import { openSharedDatabase } from "../support/shared-database.ts";

export interface FunctionsDatabase {
  readonly bus: Bus;
  readonly vault: Deps["vault"];
  connect(): Sql;
  copyIn(sql: string, data: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

export interface FunctionsWorld {
  readonly deployer: Deployer;
  readonly mounted: Mounted;
  readonly log: MemoryLog;
  readonly sql: Sql;
  readonly dataDir: string;
  readonly metrics: () => string;
  /** Deploys source text of one ES module, or a WASM module's bytes. */
  deploy(name: string, code: string | Uint8Array, settings?: object): Promise<DeployChange>;
  call(path: string, init?: RequestInit, as?: string): Promise<Response>;
  stop(): Promise<void>;
}

const MIGRATIONS = join(import.meta.dir, "../../migrations/functions");
const ids = createIds(systemClock, systemRng);

export async function openFunctionsDatabase(): Promise<FunctionsDatabase> {
  const shared = await openSharedDatabase();
  for (const file of readdirSync(MIGRATIONS).sort()) {
    await shared.sql.unsafe(readFileSync(join(MIGRATIONS, file), "utf8"));
  }
  const copies = new CopyIn({
    ...{ address: parseDatabaseUrl(shared.url), clock: systemClock, rng: systemRng },
    idleTimeoutMs: 60_000,
  });
  return {
    bus: createMemoryBus(createMemoryLog()),
    vault: createMemoryVault(),
    connect: () => shared.connect().sql,
    copyIn: (sql, data) => copies.write(sql, data),
    async close() {
      await copies.close(5_000);
      await shared.close();
    },
  };
}

/** @param bus another one than the database's stands for a server that hears nothing of the rest */
export async function startFunctions(
  database: FunctionsDatabase,
  config: object = {},
  bus: Bus = database.bus,
  policies: Policies = createPolicies([]),
): Promise<FunctionsWorld> {
  const dataDir = mkdtempSync(join(tmpdir(), "reactor-fn-"));
  const sql = database.connect();
  const log = createMemoryLog();
  const metrics = createMetrics();
  const deps = createDeps({
    ...{ dataDir, sql, log, metrics, bus, policies },
    vault: database.vault,
    copyIn: database.copyIn,
  });
  const full = Value.Default(functionsConfig, { jail: {}, lambda: {}, ...config }) as Parameters<
    typeof mountFunctions
  >[0];
  const mounted = await mountFunctions(full, deps);
  for (const service of mounted.services) await service.start();
  const deployer = mounted.ports?.functions_deployer;
  if (!deployer) throw new Error("no deployer");
  return {
    deployer,
    mounted,
    log,
    sql,
    dataDir,
    metrics: () => metrics.render(),
    deploy: (name, code, settings = {}) => deployOne(deployer, name, code, settings),
    call: (path, init, as = "service_role") => send(mounted, log, path, init, as),
    async stop() {
      for (const service of [...mounted.services].reverse()) await service.stop(5_000);
      await mounted.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

function createDeps(own: {
  dataDir: string;
  sql: Sql;
  log: MemoryLog;
  metrics: Deps["metrics"];
  bus: Bus;
  vault: Deps["vault"];
  policies: Policies;
  copyIn: FunctionsDatabase["copyIn"];
}): Deps {
  const { dataDir, sql, log, metrics, bus, policies, copyIn } = own;
  const missing = new Proxy({}, { get: (_, name) => fail(String(name)) });
  return {
    server: {
      instanceId: ids.uuid(),
      version: "0.0.0",
      development: true,
      dataDir,
      projectDir: null,
      runtimeDir: dataDir,
      lists: {},
      publicUrl: "",
      gatewaySocket: join(dataDir, "gateway"),
    },
    log,
    metrics,
    traffic: { begun: () => 0 },
    clock: systemClock,
    rng: systemRng,
    ids,
    databases: { for: () => ({ system: sql, copyIn }) } as unknown as Deps["databases"],
    events: createMemoryEvents(systemClock, bus),
    bus,
    leases: createMemoryLeases(systemClock),
    idempotency: createMemoryIdempotency(systemClock, ids),
    kv: missing as Deps["kv"],
    rateLimiter: missing as Deps["rateLimiter"],
    vault: own.vault,
    policies,
    mail: missing as Deps["mail"],
    tenants: () => [DEFAULT_TENANT],
    project: () => fail("project"),
    projects: missing as Deps["projects"],
    port: (name) => fail(name),
  };
}

function fail(what: string): never {
  throw new Error(`functions asked for ${what}`);
}

async function deployOne(
  deployer: Deployer,
  name: string,
  code: string | Uint8Array,
  settings: object,
): Promise<DeployChange> {
  const bytes = typeof code === "string" ? new TextEncoder().encode(code) : code;
  const runtime = typeof code === "string" ? "bun" : "wasm";
  const item = {
    name,
    sha256: new Bun.CryptoHasher("sha256").update(bytes).digest("hex"),
    sizeBytes: bytes.byteLength,
    settings: { runtime, ...settings },
  };
  return deployer.apply(DEFAULT_TENANT, item, bytes);
}

function principalFor(role: string): Principal {
  const claims = JSON.stringify({ role });
  return { role, userId: null, claims, expiresAt: Number.POSITIVE_INFINITY };
}

/** `as` is a role; "" sends no credential. */
async function send(
  mounted: Mounted,
  log: MemoryLog,
  path: string,
  init: RequestInit = {},
  as: string,
): Promise<Response> {
  const request = new Request(`http://localhost${path}`, init);
  if (as !== "") request.headers.set("apikey", as);
  const context: RequestContext = {
    id: ids.uuid(),
    tenant: DEFAULT_TENANT,
    log,
    peer: "127.0.0.1",
    secure: false,
    address: "127.0.0.1",
    origin: "http://localhost",
    path: path.replace(/\?.*/s, ""),
    originalPath: path.replace(/\?.*/s, ""),
    startedAt: systemClock.monotonic(),
    route: "",
    principal: () => principalFor(as === "" ? "anon" : as),
    scopedPrincipal: () => principalFor(as === "" ? "anon" : as),
    keepOpen: () => undefined,
    upgrade: () => false,
  };
  attachContext(request, context);
  return mounted.plugin.handle(request);
}
