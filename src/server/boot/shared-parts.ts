/** Builds, once, what is handed to every capability: pools and the ports on Postgres. */
import type { Config } from "../../core/config/config.ts";
import type { MailConfig } from "../../core/config/mail-section.ts";
import type { DatabaseConfig, ServerConfig } from "../../core/config/sections.ts";
import type { Bus } from "../../core/ports/bus.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { Events } from "../../core/ports/events.ts";
import type { IdempotencyStore } from "../../core/ports/idempotency.ts";
import type { Ids } from "../../core/ports/ids.ts";
import type { Kv } from "../../core/ports/kv.ts";
import type { Leases } from "../../core/ports/leases.ts";
import type { Logger } from "../../core/ports/log.ts";
import type { Mail } from "../../core/ports/mail.ts";
import type { Metrics } from "../../core/ports/metrics.ts";
import type { Policies } from "../../core/ports/policies.ts";
import type { RateLimiter } from "../../core/ports/rate-limiter.ts";
import type { Rng } from "../../core/ports/rng.ts";
import type { Vault } from "../../core/ports/vault.ts";
import type { Project, SigningAlgorithm } from "../../core/project.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import {
  createDatabases,
  type DatabaseUrls,
  type ManagedDatabases,
} from "../../postgres/databases.ts";
import { localQuickReaders } from "../../postgres/wire/user-pool.ts";
import { createPostgresBus } from "../../shared/bus/postgres-bus.ts";
import { createPostgresEvents } from "../../shared/events/postgres-events.ts";
import { wakeByBus } from "../../shared/events/wake-readers.ts";
import { createPostgresIdempotency } from "../../shared/idempotency/postgres-idempotency.ts";
import { createPostgresKv } from "../../shared/kv/postgres-kv.ts";
import { createPostgresLeases } from "../../shared/leases/postgres-leases.ts";
import { createPostgresRateLimiter } from "../../shared/limits/postgres-rate-limiter.ts";
import { openMail } from "../../shared/mail/open-mail.ts";
import { createMetrics } from "../../shared/metrics.ts";
import { loadProject, type TokenSettings } from "../../shared/project.ts";
import { createProjectCache, type ProjectCache } from "../../shared/project-cache.ts";
import type { Sweeper } from "../../shared/tenant-database.ts";
import type { Tenants } from "../../shared/tenants.ts";
import { createVaultAdmin, type VaultAdmin } from "../../shared/vault/vault-admin.ts";
import { createRequestMetrics, type RequestMetrics } from "../edge/request-metrics.ts";
import type { BootSteps } from "./steps.ts";
import type { OpenVault } from "./vault-opener.ts";

export interface SharedOptions {
  readonly policies: Policies;
  readonly config: Config;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly ids: Ids;
  readonly log: Logger;
  readonly steps: BootSteps;
  /** `reactor dev`. */
  readonly development: boolean;
  readonly tenants: Tenants;
  readonly urls: (tenant: TenantCtx) => DatabaseUrls;
  readonly openVault: OpenVault;
}

export interface SharedParts {
  readonly metrics: Metrics;
  /** Of all listeners together. */
  readonly traffic: RequestMetrics;
  readonly databases: ManagedDatabases;
  readonly bus: Bus;
  readonly events: Events;
  readonly leases: Leases;
  readonly kv: Kv;
  readonly rateLimiter: RateLimiter;
  readonly idempotency: IdempotencyStore;
  readonly vault: Vault;
  readonly mail: Mail;
  readonly policies: Policies;
  /** Null where the vault holds nothing: on somebody else's database. */
  readonly vaultAdmin: VaultAdmin | null;
  /** Stores that keep expired rows until swept. */
  readonly sweepers: readonly Sweeper[];
  readonly projects: ProjectCache;
  project(tenant: TenantCtx): Promise<Project>;
}

export function openDatabases(
  options: Omit<SharedOptions, "openVault">,
  metrics: Metrics,
): ManagedDatabases {
  const database = options.config.section<DatabaseConfig>("database");
  const data = options.config.section<{ db_prepared_statements: boolean }>("data");
  return createDatabases({
    urlFor: options.urls,
    limits: {
      size: database.pool_size,
      ...(database.url === "" ? { quickReaders: localQuickReaders() } : {}),
      queueLimit: database.queue_max,
      acquireTimeoutMs: database.acquire_timeout_ms,
      statementTimeoutMs: database.statement_timeout_ms,
      systemSize: database.system_pool_size,
    },
    prepared: database.prepared && data.db_prepared_statements,
    clock: options.clock,
    rng: options.rng,
    log: options.log,
    metrics,
  });
}

export function buildShared(options: SharedOptions): SharedParts {
  const { clock, ids, log, steps } = options;
  const metrics = createMetrics();
  const databases = openDatabases(options, metrics);
  steps.onClose("pools", () => databases.close());
  const bus = createPostgresBus({ databases, clock, ids, log });
  steps.onClose("bus", () => bus.close());
  const kv = createPostgresKv(databases);
  const rateLimiter = createPostgresRateLimiter(databases);
  const idempotency = createPostgresIdempotency(databases, ids);
  const vault = options.openVault(databases);
  const events = createPostgresEvents(databases, wakeByBus(bus));
  return {
    metrics,
    traffic: createRequestMetrics(metrics),
    databases,
    bus,
    events,
    leases: createPostgresLeases(databases),
    kv,
    policies: options.policies,
    rateLimiter,
    idempotency,
    vault,
    mail: openMail({ ...options, vault, config: options.config.section<MailConfig>("mail") }),
    vaultAdmin: createVaultAdmin({
      ...{ vault, databases, events, log, rng: options.rng },
      tenants: () => options.tenants.all(),
    }),
    sweepers: [kv, rateLimiter, idempotency],
    ...projectParts(options, vault, bus),
  };
}

/** How tokens are signed, as `[auth]` says: also where auth itself is not mounted. */
function tokenSettings(config: Config): TokenSettings {
  const auth = config.section<{ signing_algorithm: SigningAlgorithm; jwt_secret: string }>("auth");
  return { algorithm: auth.signing_algorithm, jwtSecret: auth.jwt_secret };
}

function projectParts(options: SharedOptions, vault: Vault, bus: Bus) {
  const { clock, ids, log, config } = options;
  const { public_url: publicUrl } = config.section<ServerConfig>("server");
  const tokens = tokenSettings(config);
  const load = (tenant: TenantCtx) => loadProject({ vault, tenant, ids, publicUrl, tokens });
  const projects = createProjectCache({ load, bus, clock, log });
  return { projects, project: projects.of };
}
