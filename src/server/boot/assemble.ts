/** Puts the mounted capabilities, the server's own routes and the edge together. */
import type { MountedCors } from "../../core/capability.ts";
import type { Config } from "../../core/config/config.ts";
import type { AdminConfig, ServerConfig } from "../../core/config/sections.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { Ids } from "../../core/ports/ids.ts";
import type { Logger } from "../../core/ports/log.ts";
import type { Rng } from "../../core/ports/rng.ts";
import type { ServerStatus } from "../../core/server-status.ts";
import { StartupError } from "../../core/startup-error.ts";
import { DEFAULT_TENANT } from "../../core/tenant.ts";
import { createAddressReader } from "../../shared/client-address.ts";
import type { Log } from "../../shared/log/create-log.ts";
import type { Tenants } from "../../shared/tenants.ts";
import { createAdminGuard } from "../admin/guard.ts";
import { createAdminOperations } from "../admin/operations.ts";
import { adminRoutes, type MigrateRequest } from "../admin/routes.ts";
import { composeApp } from "../compose.ts";
import { createChallenge } from "../edge/challenge.ts";
import { createCors } from "../edge/cors.ts";
import { type App, createEdge, type Edge, type EdgeOptions } from "../edge/edge.ts";
import { type HealthReport, healthRoutes, readHealth } from "../health.ts";
import { housekeeping } from "../housekeeping.ts";
import { capabilities } from "../list.ts";
import { type LiveReload, liveReload } from "../live-reload.ts";
import { metricsRoutes } from "../metrics-routes.ts";
import { openapiRoutes } from "../openapi.ts";
import { withPeers } from "../peers.ts";
import { eventLoopLagService, registerProcessMetrics } from "../process-metrics.ts";
import { createServiceRunner, type ServiceRunner } from "../service-runner.ts";
import type { OpenedDatabase } from "./database.ts";
import { databaseProbe } from "./database-probe.ts";
import type { Listening } from "./listen.ts";
import type { MountedServer } from "./mount.ts";
import { nobodysAuth } from "./nobodys-auth.ts";
import type { SharedParts } from "./shared-parts.ts";

export interface AssembleOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly rng: Rng;
  readonly log: Logger;
  /** The whole log, with what it remembers. */
  readonly logs: Log;
  readonly version: string;
  readonly development: boolean;
  readonly dataDir: string;
  readonly projectDir: string | null;
  readonly adminToken: string;
  readonly tenants: Tenants;
  readonly shared: SharedParts;
  readonly database: OpenedDatabase;
  readonly mounted: MountedServer;
  onShutdownRequest(): void;
}

export interface AssembledServer {
  readonly edge: Edge;
  /** The same for the private socket of our own children, with the peers. */
  readonly gatewayEdge: Edge;
  readonly services: ServiceRunner;
  readonly live: LiveReload;
  status(): Promise<ServerStatus>;
  /** Applies the project's own migrations. */
  migrate(request: MigrateRequest): Promise<unknown>;
  /** Told once the listeners are open: links and checks name them. */
  listening(listening: Listening): void;
}

export function assemble(options: AssembleOptions): AssembledServer {
  const { config, shared, mounted, clock } = options;
  const server = config.section<ServerConfig>("server");
  const admin = config.section<AdminConfig>("admin");
  const guard = createAdminGuard({ token: options.adminToken, allowRemote: admin.allow_remote });
  let listening: Listening | undefined;
  const health = () => healthReport(options);
  const operations = createAdminOperations({ ...options, health, listening: () => listening });
  const live = liveReload();
  const plugins = [
    healthRoutes(health),
    metricsRoutes(guard, shared.metrics),
    adminRoutes(operations),
    ...(options.development ? [live.routes] : []),
    ...mounted.capabilities.map(({ mounted: one }) => one.plugin),
  ];
  const app = composeApp([...plugins, openapiRoutes(options.version, () => plugins)], {
    "/_admin": (request) => guard.check(request),
  });
  registerProcessMetrics(shared.metrics, clock, () => processesOf(options));
  const edge = edgeOptions(options, server, app);
  const gatewayApp = withPeers(app, {
    peers: server.peers,
    capabilities,
    mounted: mounted.capabilities.map(({ capability }) => capability),
  });
  return {
    edge: createEdge(edge),
    gatewayEdge: createEdge({ ...edge, app: gatewayApp }),
    services: createServiceRunner(servicesOf(options), clock, options.log),
    live,
    status: () => operations.status(),
    migrate: (request) => operations.migrate(DEFAULT_TENANT, request),
    listening(opened) {
      listening = opened;
    },
  };
}

function edgeOptions(options: AssembleOptions, server: ServerConfig, app: App): EdgeOptions {
  const auth = options.mounted.ports.auth ?? nobodysAuth;
  return {
    app,
    auth,
    clock: options.clock,
    ids: options.ids,
    log: options.log,
    access: options.logs.access,
    cors: createCors(server.cors, mountedCors(options)),
    metrics: options.shared.traffic,
    errors: options.mounted.capabilities.flatMap(({ mounted: { errors } }) => errors ?? []),
    ...(auth === nobodysAuth
      ? {}
      : { challenge: createChallenge(server.public_url.replace(/\/+$/, "")) }),
    tenantOf: (host) => options.tenants.resolve(host),
    addressOf: addressReader(server.trusted_proxies),
  };
}

function mountedCors({ mounted }: AssembleOptions): MountedCors[] {
  return mounted.capabilities.flatMap(({ mounted: { cors } }) => (cors ? [cors] : []));
}

function servicesOf(options: AssembleOptions) {
  const own = options.mounted.capabilities.flatMap(({ mounted }) => mounted.services);
  return [
    eventLoopLagService(options.shared.metrics, options.clock),
    options.shared.projects.follower(() => options.tenants.all()),
    ...own,
    ...housekeeping(options),
  ];
}

function healthReport(options: AssembleOptions): Promise<HealthReport> {
  const probes = Object.fromEntries(
    options.mounted.capabilities.map(({ capability, mounted }) => [
      capability.name,
      (signal: AbortSignal) => mounted.health(signal),
    ]),
  );
  const database = databaseProbe(options.shared.databases, options.tenants, options.database);
  return readHealth(options.clock, options.version, { database, ...probes });
}

function processesOf(options: AssembleOptions) {
  const postgres = options.database.embedded === null ? 0 : 1;
  return [
    { kind: "server", count: 1 },
    { kind: "postgres", count: postgres },
  ];
}

function addressReader(trustedProxies: readonly string[]) {
  try {
    return createAddressReader(trustedProxies);
  } catch (cause) {
    throw new StartupError({
      code: "config_invalid",
      message: `server.trusted_proxies: ${(cause as Error).message}`,
      hint: 'List addresses or CIDR ranges, as in ["10.0.0.0/8", "::1"]',
      exitCode: 2,
      cause,
    });
  }
}
