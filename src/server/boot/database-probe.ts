/** Health of the database: every tenant's answers, and the embedded server stands. */
import type { Databases } from "../../core/ports/database.ts";
import type { Tenants } from "../../shared/tenants.ts";
import type { HealthProbe } from "../health.ts";
import type { OpenedDatabase } from "./database.ts";

export function databaseProbe(
  databases: Databases,
  tenants: Tenants,
  { embedded }: OpenedDatabase,
): HealthProbe {
  return async () => {
    const state = embedded?.health();
    const details = {
      kind: embedded ? "embedded" : "external",
      restarts: state?.restarts ?? 0,
    };
    if (state && state.state !== "up") return { status: "failed", details };
    await Promise.all(tenants.all().map((tenant) => databases.for(tenant).system`select 1`));
    return { status: "ok", details };
  };
}
