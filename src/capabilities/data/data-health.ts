/** What the capability says of itself in `/health`. */
import type { Health } from "../../core/health.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import type { Rooms } from "./rooms.ts";

/** `failed` while a tenant's schema cannot be read: its requests would answer 503. */
export async function dataHealth(
  rooms: Rooms,
  tenants: readonly TenantCtx[],
  signal: AbortSignal,
): Promise<Health> {
  let tables = 0;
  for (const tenant of tenants) {
    const state = await within(signal, rooms.cache.get(tenant));
    if (state === null)
      return { status: "failed", details: { tenant: tenant.id, schema: "unread" } };
    tables += state.schema.tables.size;
  }
  return { status: "ok", details: { tables } };
}

/** The value, or null when it failed (the cache logs why) or the deadline came first. */
function within<T>(signal: AbortSignal, work: Promise<T>): Promise<T | null> {
  return new Promise((resolve) => {
    const onAbort = () => resolve(null);
    signal.addEventListener("abort", onAbort, { once: true });
    work
      .then(resolve, () => resolve(null))
      .finally(() => signal.removeEventListener("abort", onAbort));
  });
}
