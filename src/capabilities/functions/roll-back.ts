/**
 * Moves a function's pointer to an earlier version. Without a version: while another version has a
 * part of the calls, that part ends; else to the one that was active before, and each further
 * rollback one more step back, never to and fro between two.
 */
import type { TenantCtx } from "../../core/tenant.ts";
import { announce } from "./announce.ts";
import { functionsErrors } from "./errors.ts";
import { findVersion } from "./find-version.ts";
import type { FunctionVersion } from "./function-version.ts";
import type { FunctionsParts } from "./parts.ts";
import { promoteVersion } from "./promote-version.ts";
import { type Deployment, type DeploymentAction, readDeployments, readVersions } from "./store.ts";
import { savePointer } from "./store-changes.ts";

export interface RolledBack {
  readonly name: string;
  readonly version: string;
  readonly previous_version: string;
}

/**
 * @param wanted a version or the beginning of one; null = one step back
 * @throws function_not_found, version_not_found, version_ambiguous, nothing_to_roll_back
 */
export async function rollBack(
  parts: FunctionsParts,
  tenant: TenantCtx,
  name: string,
  wanted: string | null,
): Promise<RolledBack> {
  const { registry } = parts.state(tenant);
  await registry.refresh();
  const found = registry.get(name);
  if (!found) throw functionsErrors.function_not_found(name);
  const sql = parts.sql(tenant);
  if (wanted === null && found.share) {
    await promoteVersion(parts, tenant, name, { version: null, percent: 0, by: null });
    const { version } = found.active;
    return { name, version, previous_version: found.share.version.version };
  }
  const versions = await readVersions(sql, name);
  const version =
    wanted === null
      ? previousOf(await readDeployments(sql, name), versions)
      : findVersion(name, wanted, versions);
  if (version === null) throw functionsErrors.nothing_to_roll_back(name);
  const moved = await savePointer(sql, name, version, "rollback", (tx) =>
    parts.deps.events.append(tenant, tx, [
      { type: "functions.rolled_back", subject: name, data: { version } },
    ]),
  );
  if (!moved) throw functionsErrors.version_not_found(name, version);
  await announce(parts, tenant, name);
  return { name, version, previous_version: found.active.version };
}

const MOVES: ReadonlySet<DeploymentAction> = new Set(["deploy", "settings", "promote", "rollback"]);

/**
 * Replays the history as a stack: a deploy or a promotion lays its version on top, a rollback takes
 * off all that lies above the version it went to. What then lies below the top was active before.
 * Uploads and shares move no pointer.
 *
 * @param newestFirst moves of the pointer
 */
export function previousOf(
  newestFirst: readonly Pick<Deployment, "action" | "version">[],
  kept: readonly Pick<FunctionVersion, "version">[],
): string | null {
  const stack: string[] = [];
  for (const { action, version } of newestFirst.toReversed()) {
    if (!MOVES.has(action)) continue;
    const at = action === "rollback" ? stack.lastIndexOf(version) : -1;
    if (at >= 0) stack.length = at + 1;
    else if (stack.at(-1) !== version) stack.push(version);
  }
  const held = new Set(kept.map(({ version }) => version));
  const top = stack.pop();
  return stack.findLast((version) => version !== top && held.has(version)) ?? null;
}
