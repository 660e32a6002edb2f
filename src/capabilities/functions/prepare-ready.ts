/** Has the processes made that functions are to have ready before their first call (`min_instances`). */
import type { TenantCtx } from "../../core/tenant.ts";
import { functionsErrors } from "./errors.ts";
import type { FunctionsParts } from "./parts.ts";
import { readCode } from "./store.ts";

/** Those that are there already are left as they are. A function that fails does not keep others back. */
export async function prepareReady(parts: FunctionsParts, tenant: TenantCtx): Promise<void> {
  for (const found of parts.state(tenant).registry.all()) {
    const { runtime, limits, codeSha256, version } = found.active;
    if (runtime !== "bun" || (limits.min_instances ?? 0) === 0) continue;
    try {
      const codePath = await parts.code.pathOf(found.active, async () => {
        const bytes = await readCode(parts.sql(tenant), codeSha256);
        if (!bytes) throw functionsErrors.code_missing(found.name, codeSha256);
        return bytes;
      });
      await parts.runtimes.bun.prepare(parts.spec(tenant, found, codePath));
    } catch (error) {
      const fields = { tenant: tenant.id, function: found.name, version, error };
      parts.deps.log.error("functions.not_ready", fields);
    }
  }
}
