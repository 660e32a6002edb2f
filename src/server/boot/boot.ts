/**
 * A boot, top to bottom: data folder, database, schema, shared parts, capabilities, listeners,
 * project. Whatever fails undoes what was done before it, and one message tells why.
 */
import { rm } from "node:fs/promises";
import type { Capability } from "../../core/capability.ts";
import type { Config } from "../../core/config/config.ts";
import type { Env } from "../../core/config/env.ts";
import type { AdminConfig } from "../../core/config/sections.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { Ids } from "../../core/ports/ids.ts";
import type { Logger } from "../../core/ports/log.ts";
import type { Policies } from "../../core/ports/policies.ts";
import type { Rng } from "../../core/ports/rng.ts";
import type { ServerStatus } from "../../core/server-status.ts";
import { DEFAULT_TENANT } from "../../core/tenant.ts";
import { createIds } from "../../shared/ids.ts";
import type { Log } from "../../shared/log/create-log.ts";
import type { Tenants } from "../../shared/tenants.ts";
import { loadAdminToken, prepareDataFolder } from "../data-folder.ts";
import { type AssembledServer, assemble } from "./assemble.ts";
import { type OpenedDatabase, openDatabase } from "./database.ts";
import { deployProject } from "./deploy-project.ts";
import { isForeign, openForeign } from "./foreign-database.ts";
import { buildForeignParts } from "./foreign-parts.ts";
import { announce, type Listening, listen } from "./listen.ts";
import { type LivePolicies, livePolicies } from "./load-policies.ts";
import { migrationSets } from "./migration-sets.ts";
import { type MountedServer, mountCapabilities, orderOf } from "./mount.ts";
import { prepareTenants } from "./prepare-tenant.ts";
import { makeRuntimeDir } from "./runtime-dir.ts";
import { buildShared, type SharedParts } from "./shared-parts.ts";
import { type BootStep, type BootSteps, createBootSteps } from "./steps.ts";
import { vaultOpener } from "./vault-opener.ts";

const FAILED_BOOT_BUDGET_MS = 10_000;

export interface BootOptions {
  readonly config: Config;
  /** Absolute; null when there is no project. */
  readonly projectDir: string | null;
  /** Absolute. */
  readonly dataDir: string;
  /** What is mounted, already filtered by `--only`. */
  readonly capabilities: readonly Capability[];
  readonly development: boolean;
  readonly version: string;
  readonly logs: Log;
  readonly env: Env;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly tenants: Tenants;
  /** Owner URLs of further tenants' databases, by tenant id. */
  readonly tenantUrls?: Readonly<Record<string, string>>;
  /** One bundled ES module from a function's entry file. */
  bundleFunction(path: string): Promise<Uint8Array>;
  /** Asked for by `POST /_admin/shutdown`. */
  onShutdownRequest(): void;
}

export interface RunningServer {
  readonly url: string;
  readonly adminToken: string;
  readonly steps: readonly BootStep[];
  status(): Promise<ServerStatus>;
  /** A table and a function to try, where there are any. */
  examples(): Promise<{ readonly table: string | null; readonly fn: string | null }>;
  /** Deploys the project's functions as the lists of its file say now: at boot, and again in `dev`. */
  deployProject(lists: Config["lists"]): Promise<void>;
  /** Applies the project's new migrations; for `dev`. */
  migrateProject(): Promise<void>;
  /** Has every capability read anew what it keeps of the database. */
  refresh(): Promise<void>;
  /** Has policies and every capability go on with another configuration. Rejects with what one cannot use. */
  reconfigure(config: Config): Promise<void>;
  /** Reads the certificate files again. */
  reloadCertificates(): Promise<void>;
  /** Drains and stops everything in reverse within the budget. */
  stop(budgetMs: number): Promise<void>;
}

/** What every part of the boot is given. */
type Parts = BootOptions & {
  readonly ids: Ids;
  readonly log: Logger;
  readonly steps: BootSteps;
};

export async function boot(options: BootOptions): Promise<RunningServer> {
  const log = options.logs.logger;
  const steps = createBootSteps(options.clock, log);
  const parts: Parts = { ...options, ids: createIds(options.clock, options.rng), log, steps };
  try {
    return await bootAll(parts);
  } catch (error) {
    await steps.closeAll(FAILED_BOOT_BUDGET_MS);
    throw error;
  }
}

async function bootAll(parts: Parts): Promise<RunningServer> {
  const { config, dataDir, steps } = parts;
  orderOf(parts);
  const policies = livePolicies(config);
  const foreign = isForeign(config) ? openForeign(config, parts.capabilities) : null;
  await prepareDataFolder(dataDir);
  const database =
    foreign ?? (await openDatabase({ ...parts, config: config.section("database") }));
  const runtimeDir = await makeRuntimeDir(dataDir, parts.env);
  steps.onClose("runtime folder", () => rm(runtimeDir, { recursive: true, force: true }));
  const admin = config.section<AdminConfig>("admin");
  const adminToken = await loadAdminToken(dataDir, admin.token, parts.ids);
  const shared = foreign
    ? buildForeignParts({ ...parts, policies, urls: foreign.urlsFor })
    : await prepareShared({ ...parts, policies }, database);
  const more = { ...parts, adminToken, runtimeDir, shared, database, policies };
  const mounted = await steps.run("mount", () => mountCapabilities(more));
  const assembled = assemble({ ...more, mounted });
  steps.onClose("services", (budgetMs) => assembled.services.stop(budgetMs));
  await steps.run("services", () => assembled.services.start());
  const listening = await steps.run("listen", () => listen({ ...more, ...assembled }));
  assembled.listening(listening);
  const server = running({ ...more, mounted, assembled, listening });
  await steps.run("project", () => server.deployProject(config.lists));
  await announce({ ...more, listening });
  return server;
}

/** Schema, vault and pools of a database that is ours. */
async function prepareShared(
  parts: Parts & { readonly policies: Policies },
  database: OpenedDatabase,
): Promise<SharedParts> {
  const openVault = await vaultOpener(parts);
  const sets = await migrationSets(parts);
  const urls = await parts.steps.run("schema", () =>
    prepareTenants({ ...parts, sets, database, openVault }),
  );
  return buildShared({ ...parts, urls, openVault });
}

type Running = Parts & {
  readonly policies: LivePolicies;
  readonly adminToken: string;
  readonly mounted: MountedServer;
  readonly assembled: AssembledServer;
  readonly listening: Listening;
  readonly shared: SharedParts;
};

function running(parts: Running): RunningServer {
  const { assembled, listening, steps, adminToken, log } = parts;
  return {
    url: listening.url,
    adminToken,
    steps: steps.done,
    status: () => assembled.status(),
    examples: () => examplesOf(parts),
    async deployProject(lists) {
      const deployer = parts.mounted.ports.functions_deployer;
      const { projectDir, bundleFunction } = parts;
      if (projectDir === null || !deployer) return;
      await deployProject({
        projectDir,
        lists,
        tenant: DEFAULT_TENANT,
        deployer,
        log,
        bundleFunction,
      });
      assembled.live.tell({ type: "deployed" });
    },
    async migrateProject() {
      await assembled.migrate({ dry_run: false });
      assembled.live.tell({ type: "migrated" });
    },
    async refresh() {
      await Promise.all(parts.mounted.capabilities.map(({ mounted }) => mounted.refresh?.()));
    },
    async reconfigure(config) {
      const putInForce = parts.policies.prepare(config);
      for (const { capability, mounted } of parts.mounted.capabilities) {
        await mounted.reconfigure?.(config.section<never>(capability.section));
      }
      putInForce();
    },
    reloadCertificates: () => listening.reloadCertificates(),
    stop: (budgetMs) => steps.closeAll(budgetMs),
  };
}

async function examplesOf({ config, shared, mounted }: Running) {
  if (isForeign(config)) return { table: null, fn: null };
  const sql = shared.databases.for(DEFAULT_TENANT).system;
  const [table] = await sql<{ name: string }[]>`
    select c.relname as name
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = 'public' and c.relkind in ('r', 'p') and c.relrowsecurity
     order by c.reltuples desc, c.relname limit 1`;
  const deployer = mounted.ports.functions_deployer;
  const [fn] = deployer ? await deployer.names(DEFAULT_TENANT) : [];
  return { table: table?.name ?? null, fn: fn ?? null };
}
