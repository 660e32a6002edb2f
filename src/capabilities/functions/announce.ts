/** After a change is committed: this server takes it up at once, the others are told. */
import type { TenantCtx } from "../../core/tenant.ts";
import { CHANGED_TOPIC, type FunctionsParts } from "./parts.ts";

export async function announce(
  parts: FunctionsParts,
  tenant: TenantCtx,
  name: string,
): Promise<void> {
  await parts.state(tenant).registry.refresh();
  try {
    await parts.deps.bus.publish(tenant, CHANGED_TOPIC, name);
  } catch (error) {
    // The change stands; other servers find it at their next poll.
    parts.deps.log.warn("functions.announce_failed", { function: name, error });
  }
}
