/** For `reactor doctor`: what is exposed, reached by roles that row security binds, and not guarded by it. */
import type { Finding } from "../../core/health.ts";
import type { Databases } from "../../core/ports/database.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import { readReachable } from "./exposure-store.ts";
import { remedyFor } from "./find-table.ts";
import type { Rooms } from "./rooms.ts";
import type { Table } from "./schema/schema.ts";

interface FindingDeps {
  readonly databases: Databases;
  tenants(): readonly TenantCtx[];
}

const NAMED_MAX = 5;

/** Read anew: it is asked after something was mended. @throws PGRST002 */
export async function rowSecurityFinding(rooms: Rooms, deps: FindingDeps): Promise<Finding> {
  const found = await Promise.all(deps.tenants().map((tenant) => unguardedOf(rooms, deps, tenant)));
  const tables = found.flat();
  const name = "row_security";
  const [first] = tables;
  if (!first) {
    const message = "Everything that is served has row security on";
    return { name, status: "ok", message, hint: null };
  }
  const names = tables.slice(0, NAMED_MAX).map((table) => `${table.schema}.${table.name}`);
  const more = tables.length > NAMED_MAX ? ", …" : "";
  const message = `Without row security: ${names.join(", ")}${more}`;
  return { name, status: "warning", message, hint: remedyFor(first) };
}

/** Who guards somebody else's database is its own affair. */
async function unguardedOf(rooms: Rooms, deps: FindingDeps, tenant: TenantCtx): Promise<Table[]> {
  const room = await rooms.of(tenant);
  if (room.isForeign) return [];
  const { schema } = await rooms.cache.reload(tenant);
  const unguarded = [...schema.tables.values()].filter((table) => !table.isProtected);
  const bound = [...schema.roles].filter(([, { bypassRls }]) => !bypassRls).map(([role]) => role);
  return await readReachable(deps.databases.for(tenant).system, unguarded, bound);
}
