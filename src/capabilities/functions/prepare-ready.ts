/** Has the processes made that functions are to have ready before their first call (`min_instances`). */
import type { TenantCtx } from "../../core/tenant.ts";
import { versionsInUse } from "./function-version.ts";
import type { FunctionsParts } from "./parts.ts";

/** Those that are there already are left as they are. A function that fails does not keep others back. */
export async function prepareReady(parts: FunctionsParts, tenant: TenantCtx): Promise<void> {
  const { registry, specs } = parts.state(tenant);
  const inUse = registry
    .all()
    .flatMap((found) => versionsInUse(found).map((version) => ({ found, version })));
  for (const { found, version } of inUse) {
    if (version.runtime === "wasm" || (version.limits.min_instances ?? 0) === 0) continue;
    try {
      await parts.runtimes[version.runtime].prepare(await specs.of(found, version));
    } catch (error) {
      const fields = { tenant: tenant.id, function: found.name, version: version.version, error };
      parts.deps.log.error("functions.not_ready", fields);
    }
  }
}
