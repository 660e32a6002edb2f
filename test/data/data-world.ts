/**
 * The data capability alone on a fresh database with the fixture project's schema: no edge, no auth.
 * Callers are given as principals, so that a test chooses role and claims freely. What needs the
 * whole server uses `startTestServer` instead.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Value } from "@sinclair/typebox/value";
import postgres, { type Sql } from "postgres";
import { type DataConfig, dataConfig } from "../../src/capabilities/data/config.ts";
import { data } from "../../src/capabilities/data/index.ts";
import type { Deps } from "../../src/core/capability.ts";
import { attachContext, type RequestContext } from "../../src/core/context.ts";
import { errorResponse, toReactorError } from "../../src/core/http.ts";
import type { Principal } from "../../src/core/ports/auth.ts";
import type { Databases } from "../../src/core/ports/database.ts";
import { DEFAULT_TENANT, type TenantCtx } from "../../src/core/tenant.ts";
import { createDatabases, type ManagedDatabases } from "../../src/postgres/databases.ts";
import { parseDatabaseUrl, postgresJsOptions } from "../../src/postgres/url.ts";
import { createMemoryBus } from "../../src/shared/bus/memory-bus.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { createIds } from "../../src/shared/ids.ts";
import { createMemoryLeases } from "../../src/shared/leases/memory-leases.ts";
import { createMetrics } from "../../src/shared/metrics.ts";
import { systemRng } from "../../src/shared/rng.ts";
import { silentLog, testPostgres } from "../support/postgres.ts";

const ROOT = join(import.meta.dir, "../..");
const SYSTEM_SQL = [
  "0001_roles",
  "0003_schema_watch",
  "0005_schema_watch_more",
  "0009_schema_watch_policies",
].map((name) => `migrations/system/${name}.sql`);
const FIXTURE_SQL = "test/fixtures/project/migrations/0001_record_shop.sql";

export interface Asking {
  readonly role?: string;
  /** Becomes `sub`; role `authenticated` unless another is named. */
  readonly userId?: string;
  readonly tenant?: TenantCtx;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
}

export interface DataWorld {
  readonly sql: Sql;
  readonly databases: Databases;
  /** Sends a request to `/data/v1` + path as the given caller. */
  ask(path: string, asking?: Asking): Promise<Response>;
  close(): Promise<void>;
}

export function principalOf({ role, userId }: Asking): Principal {
  const actual = role ?? (userId === undefined ? "anon" : "authenticated");
  const claims = userId === undefined ? { role: actual } : { sub: userId, role: actual };
  return {
    role: actual,
    userId: userId ?? null,
    claims: JSON.stringify(claims),
    expiresAt: Number.POSITIVE_INFINITY,
  };
}

/** One database with the system SQL and the fixture. */
export async function openShopDatabase(fixture = FIXTURE_SQL) {
  const server = await testPostgres();
  const database = await server.createDatabase();
  const sql = postgres({
    ...postgresJsOptions(parseDatabaseUrl(database.url)),
    max: 4,
    onnotice: () => undefined,
  });
  for (const file of [...SYSTEM_SQL, fixture]) {
    await sql.unsafe(readFileSync(join(ROOT, file), "utf8"));
  }
  return { database, sql };
}

/**
 * @param tenants further tenants, each on a database of its own with the same schema.
 * @param fixture SQL file to run instead of the shop's.
 */
export async function openDataWorld(
  config: Partial<DataConfig> = {},
  tenants: readonly TenantCtx[] = [],
  fixture?: string,
): Promise<DataWorld> {
  const opened = new Map<string, Awaited<ReturnType<typeof openShopDatabase>>>();
  for (const tenant of [DEFAULT_TENANT, ...tenants])
    opened.set(tenant.id, await openShopDatabase(fixture));
  const databases = createDatabases({
    urlFor: (tenant) => {
      const url = opened.get(tenant.id)?.database.url ?? "";
      return { ownerUrl: url, directUrl: url, userUrl: asAuthenticator(url) };
    },
    clock: systemClock,
    rng: systemRng,
    log: silentLog,
  });
  return await mountWorld(config, databases, opened, [DEFAULT_TENANT, ...tenants]);
}

/** What goes as it is; anything else as JSON. */
function isSent(body: unknown): body is string | Uint8Array<ArrayBuffer> {
  return typeof body === "string" || body instanceof Uint8Array;
}

function asAuthenticator(url: string): string {
  return url.replace(/^(postgres(?:ql)?:\/\/)[^@/]*@/, "$1authenticator@");
}

async function mountWorld(
  config: Partial<DataConfig>,
  databases: ManagedDatabases,
  opened: ReadonlyMap<string, Awaited<ReturnType<typeof openShopDatabase>>>,
  tenants: readonly TenantCtx[],
): Promise<DataWorld> {
  // Without the shared tables: no test here sends an Idempotency-Key.
  const deps = {
    databases,
    clock: systemClock,
    log: silentLog,
    server: { development: false, instanceId: "data-world" },
    tenants: () => tenants,
    bus: createMemoryBus(silentLog),
    ids: createIds(systemClock, systemRng),
    leases: createMemoryLeases(systemClock),
    metrics: createMetrics(),
    port: () => ({ authenticate: () => principalOf({}) }),
  };
  const settings = { ...Value.Create(dataConfig), ...config };
  const mounted = await data.mount(settings, deps as unknown as Deps);
  const first = opened.get(DEFAULT_TENANT.id);
  if (!first) throw new Error("no default tenant");
  return {
    sql: first.sql,
    databases,
    async ask(path, asking = {}) {
      const { method = "GET", headers = {}, body } = asking;
      const request = new Request(`http://localhost/data/v1${path}`, {
        method,
        headers:
          body === undefined || isSent(body)
            ? headers
            : { "content-type": "application/json", ...headers },
        ...(body === undefined ? {} : { body: isSent(body) ? body : JSON.stringify(body) }),
      });
      attachContext(request, contextFor(request, asking));
      try {
        return await mounted.plugin.handle(request);
      } catch (error) {
        return errorResponse(toReactorError(error, path));
      }
    },
    async close() {
      await mounted.close();
      await databases.close();
      for (const { sql, database } of opened.values()) {
        await sql.end({ timeout: 5 });
        await database.drop();
      }
    },
  };
}

function contextFor(request: Request, asking: Asking): RequestContext {
  const path = new URL(request.url).pathname;
  return {
    id: "01890000-0000-7000-8000-000000000000",
    tenant: asking.tenant ?? DEFAULT_TENANT,
    log: silentLog,
    address: "127.0.0.1",
    peer: "127.0.0.1",
    secure: false,
    origin: "http://localhost",
    path,
    originalPath: path,
    startedAt: 0,
    route: "",
    principal: () => principalOf(asking),
    scopedPrincipal: () => principalOf(asking),
    keepOpen: () => undefined,
    upgrade: () => false,
  };
}
