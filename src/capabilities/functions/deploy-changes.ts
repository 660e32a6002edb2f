/** What a deploy would change, and whether calls go to it: what is in service against what was sent. */
import { readFunctionSettings } from "../../core/function-settings.ts";
import type { DeployChange, DeployItem } from "../../core/ports/deployer.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import { type ActiveFunction, versionOf } from "./function-version.ts";
import type { FunctionsParts } from "./parts.ts";
import { readLastDeployed } from "./store.ts";

export interface PlannedChange {
  readonly change: DeployChange;
  /** All calls go to it. */
  readonly activate: boolean;
}

/** In the order of the items. What is in service is read anew. */
export async function changesOf(
  parts: FunctionsParts,
  tenant: TenantCtx,
  items: readonly DeployItem[],
): Promise<PlannedChange[]> {
  const { registry } = parts.state(tenant);
  await registry.refresh();
  const names = items.map(({ name }) => name);
  const last = await readLastDeployed(parts.sql(tenant), names);
  return items.map((item) => {
    const { settings } = readFunctionSettings(item.settings);
    const version = versionOf(tenant, settings, item.sha256);
    const present = registry.get(item.name);
    if (!present) {
      const change = { name: item.name, action: "create", version } as const;
      return { change, activate: item.promote !== false };
    }
    const isSame =
      present.description === settings.description &&
      present.verifyJwt === settings.verify_jwt &&
      present.forwardAuthorization === settings.forward_authorization;
    const isLast = last.get(item.name) === version;
    const { isThere, activate } = placeOf(version, { item, present, isLast, isSame });
    const action = isThere && isSame ? "unchanged" : "update";
    return { change: { name: item.name, action, version }, activate };
  });
}

interface Compared {
  readonly item: DeployItem;
  readonly present: ActiveFunction;
  /** It is what was deployed last. */
  readonly isLast: boolean;
  /** So are the settings that no version has. */
  readonly isSame: boolean;
}

/** Whether a version is where the deploy wants it, and whether the deploy moves the pointer to it. */
function placeOf(version: string, { item, present, isLast, isSame }: Compared) {
  const isActive = present.active.version === version;
  if (item.promote === "if_changed") return { isThere: isLast, activate: !isLast };
  // A version that is only tried is not touched by the deploy that made it.
  if (item.promote === false) {
    return { isThere: isActive || present.share?.version.version === version, activate: false };
  }
  // Where only the note is missing that this was deployed last, no trial ends for it.
  return { isThere: isActive && isLast, activate: !isActive || !isSame };
}
