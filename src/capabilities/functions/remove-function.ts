/** Removes a function with its versions, records, environment and secrets. Calls under way end by themselves. */
import type { TenantCtx } from "../../core/tenant.ts";
import { announce } from "./announce.ts";
import { functionsErrors } from "./errors.ts";
import type { FunctionsParts } from "./parts.ts";
import { saveRemoval } from "./store-changes.ts";
import { removeVariables } from "./variables.ts";

/** @throws function_not_found */
export async function removeFunction(
  parts: FunctionsParts,
  tenant: TenantCtx,
  name: string,
): Promise<void> {
  const removed = await saveRemoval(parts.sql(tenant), name, (tx) =>
    parts.deps.events.append(tenant, tx, [{ type: "functions.removed", subject: name, data: {} }]),
  );
  if (removed === null) throw functionsErrors.function_not_found(name);
  await removeVariables(parts, tenant, name);
  await announce(parts, tenant, name);
}
