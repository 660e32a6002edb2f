/** Background work of the capability. */
import type { Logger } from "../../core/ports/log.ts";
import type { Service } from "../../core/service.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import type { Rooms } from "./rooms.ts";

interface WatchDeps {
  readonly log: Logger;
  tenants(): readonly TenantCtx[];
}

/**
 * Loads each tenant's schema when the server starts, so that the first request finds it, and keeps
 * listening for its changes until it stops. For a database that is away the cache tries again.
 */
export function schemaWatch(rooms: Rooms, deps: WatchDeps): Service {
  return {
    name: "data.schema_watch",
    scope: "process",
    async start() {
      for (const tenant of deps.tenants()) {
        // In the background: boot does not wait for it. The load logs its own failure.
        rooms.cache.reload(tenant).catch((error: unknown) => {
          deps.log.warn("data.schema_not_ready", { tenant: tenant.id, error });
        });
      }
    },
    stop: () => rooms.cache.unwatch(),
  };
}

/** Reads every tenant's schema again. @throws PGRST002 when one cannot be read; its old one stays. */
export async function reloadSchemas(rooms: Rooms, deps: WatchDeps): Promise<void> {
  await Promise.all(deps.tenants().map((tenant) => rooms.cache.reload(tenant)));
}
