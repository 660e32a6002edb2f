/**
 * Brings one tenant's database to where capabilities can work on it: schema, vault, and a login for
 * users' queries. Runs on a connection of its own, before any pool exists.
 */
import type { Sql } from "postgres";
import type { Clock } from "../../core/ports/clock.ts";
import type { Ids } from "../../core/ports/ids.ts";
import type { Logger } from "../../core/ports/log.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import { ensureAuthenticatorLogin } from "../../postgres/authenticator-login.ts";
import { openDirect } from "../../postgres/databases.ts";
import type { MigrationSet } from "../../postgres/migration-plan.ts";
import { type MigrationReport, migrate } from "../../postgres/migrator.ts";
import { adoptEvents } from "../../shared/events/postgres-events.ts";
import type { Tenants } from "../../shared/tenants.ts";
import type { PostgresVault } from "../../shared/vault/postgres-vault.ts";
import type { DatabaseUrls, OpenedDatabase } from "./database.ts";
import type { OpenVault } from "./vault-opener.ts";

export interface PrepareOptions {
  readonly tenant: TenantCtx;
  readonly urls: DatabaseUrls;
  readonly sets: readonly MigrationSet[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly ids: Ids;
  /** Opens the vault on the given connection. */
  openVault(sql: Sql): PostgresVault;
}

export interface PreparedTenant {
  readonly report: MigrationReport;
  readonly urls: Required<DatabaseUrls> & { readonly userUrl: string };
}

const PASSWORD_PATH = "database/authenticator";

/** @throws vault_key_mismatch */
export async function prepareTenant(options: PrepareOptions): Promise<PreparedTenant> {
  const { urls, sets, clock, log, tenant } = options;
  const sql = openDirect(urls.directUrl, log);
  try {
    const report = await migrate(sql, sets, { clock, log });
    await adoptEvents(sql);
    const vault = options.openVault(sql);
    // Without it nobody can sign in: better no server than one that is found out later.
    await vault.roots(tenant);
    const userUrl = urls.userUrl ?? (await makeUserUrl(options, sql, vault));
    return { report, urls: { ...urls, userUrl } };
  } finally {
    await sql.end({ timeout: 5 });
  }
}

/** Prepares every tenant; the URLs of each, by which its pools are opened. */
export async function prepareTenants(
  options: Omit<PrepareOptions, "tenant" | "urls" | "openVault"> & {
    readonly tenants: Tenants;
    readonly database: OpenedDatabase;
    readonly openVault: OpenVault;
  },
): Promise<(tenant: TenantCtx) => PreparedTenant["urls"]> {
  const prepared = new Map<string, PreparedTenant["urls"]>();
  for (const tenant of options.tenants.all()) {
    const urls = options.database.urlsFor(tenant);
    const openVault = (sql: Sql) =>
      options.openVault({ for: () => ({ system: sql, direct: sql }) });
    prepared.set(tenant.id, (await prepareTenant({ ...options, tenant, urls, openVault })).urls);
  }
  return (tenant) => {
    const urls = prepared.get(tenant.id);
    if (!urls) throw new Error(`tenant ${tenant.id} was not prepared`);
    return urls;
  };
}

/** Gives `authenticator` a password that all servers on this database agree on, and its URL. */
async function makeUserUrl(
  options: PrepareOptions,
  sql: Sql,
  vault: PostgresVault,
): Promise<string> {
  const fresh = options.ids.token(24);
  const { value: password } = await vault.putIfAbsent(options.tenant, PASSWORD_PATH, fresh);
  await ensureAuthenticatorLogin(sql, password, options.clock);
  return withLogin(options.urls.ownerUrl, "authenticator", password);
}

/** The URL with another user and password. */
function withLogin(url: string, user: string, password: string): string {
  const [, scheme = "postgresql://", rest = ""] = /^(postgres(?:ql)?:\/\/)(.*)$/.exec(url) ?? [];
  const afterAuthority = rest.search(/[/?]/);
  const authority = afterAuthority < 0 ? rest : rest.slice(0, afterAuthority);
  const host = authority.slice(authority.lastIndexOf("@") + 1);
  const tail = (afterAuthority < 0 ? "" : rest.slice(afterAuthority)).replace(
    /([?&])(?:user|password)=[^&]*/g,
    "$1",
  );
  return `${scheme}${user}:${encodeURIComponent(password)}@${host}${tail}`;
}
