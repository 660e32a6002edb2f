/** Which tenant a Host belongs to. One today; the map serves tests and the clusters to come. */
import { defineErrors } from "../core/errors.ts";
import { DEFAULT_TENANT, type TenantCtx } from "../core/tenant.ts";

export interface Tenants {
  /** The tenant served at this Host header. @throws unknown_host (404) */
  resolve(host: string): TenantCtx;
  all(): readonly TenantCtx[];
}

export const tenantErrors = defineErrors({
  unknown_host: (host: string) => ({
    status: 404,
    message: `Nothing is served at ${host}`,
    hint: "Check the host name of the URL",
  }),
});

/** Every Host is the one tenant's. */
export function singleTenant(tenant: TenantCtx = DEFAULT_TENANT): Tenants {
  const all = [tenant];
  return { resolve: () => tenant, all: () => all };
}

/** Tenants by host name, without port and in lower case. */
export function tenantsByHost(byHost: Readonly<Record<string, TenantCtx>>): Tenants {
  const hosts = new Map(
    Object.entries(byHost).map(([host, tenant]) => [host.toLowerCase(), tenant]),
  );
  return {
    resolve(host) {
      const name = host.replace(/:\d+$/, "").toLowerCase();
      const tenant = hosts.get(name);
      if (!tenant) throw tenantErrors.unknown_host(name);
      return tenant;
    },
    all: () => [...new Set(hosts.values())],
  };
}
