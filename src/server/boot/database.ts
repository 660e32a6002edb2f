/**
 * Brings up what the server stands on: PostgreSQL (its own or one given by URL), the schema of every
 * tenant, and the handles on it.
 */
import type { DatabaseConfig } from "../../core/config/sections.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { Logger } from "../../core/ports/log.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import { startEmbeddedPostgres } from "../../postgres/embedded/start-embedded-postgres.ts";
import type { EmbeddedPostgres } from "../../postgres/embedded/types.ts";
import type { BootSteps } from "./steps.ts";

/** libpq URLs of one tenant's database. */
export interface DatabaseUrls {
  readonly ownerUrl: string;
  readonly directUrl: string;
  /** Login as `authenticator`; null until its password is known. */
  readonly userUrl: string | null;
}

export interface OpenedDatabase {
  /** Null when the database is elsewhere. */
  readonly embedded: EmbeddedPostgres | null;
  urlsFor(tenant: TenantCtx): DatabaseUrls;
}

export interface OpenDatabaseOptions {
  readonly config: DatabaseConfig;
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly steps: BootSteps;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Databases of further tenants, by tenant id: owner URLs. */
  readonly tenantUrls?: Readonly<Record<string, string>>;
}

export async function openDatabase(options: OpenDatabaseOptions): Promise<OpenedDatabase> {
  return options.config.url === "" ? openEmbedded(options) : openExternal(options);
}

async function openEmbedded(options: OpenDatabaseOptions): Promise<OpenedDatabase> {
  const { dataDir, clock, log, steps, env } = options;
  const embedded = await steps.run("postgres", () =>
    startEmbeddedPostgres({
      dataDir,
      clock,
      log: log.with({ capability: "postgres" }),
      env: {
        home: env["HOME"],
        xdgCacheHome: env["XDG_CACHE_HOME"],
        xdgRuntimeDir: env["XDG_RUNTIME_DIR"],
      },
    }),
  );
  steps.onClose("postgres", (budgetMs) => embedded.stop(budgetMs));
  const ownerUrl = embedded.ownerUrl;
  const userUrl = ownerUrl.replace("postgresql://postgres@", "postgresql://authenticator@");
  return { embedded, urlsFor: () => ({ ownerUrl, directUrl: ownerUrl, userUrl }) };
}

function openExternal(options: OpenDatabaseOptions): OpenedDatabase {
  const { config, tenantUrls = {} } = options;
  return {
    embedded: null,
    urlsFor(tenant) {
      const ownerUrl = tenantUrls[tenant.id] ?? config.url;
      const isDefault = tenantUrls[tenant.id] === undefined;
      return {
        ownerUrl,
        directUrl: isDefault && config.direct_url !== "" ? config.direct_url : ownerUrl,
        // The configured login is of one database; another tenant's is derived from its owner's.
        userUrl: isDefault && config.authenticator_url !== "" ? config.authenticator_url : null,
      };
    },
  };
}
