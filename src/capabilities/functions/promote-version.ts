/**
 * Gives a version calls: a part of them while it is being tried, or all. The pointer and the share
 * move at once for all servers; calls under way end where they began.
 */
import type { Sql } from "postgres";
import type { TenantCtx } from "../../core/tenant.ts";
import { announce } from "./announce.ts";
import { functionsErrors } from "./errors.ts";
import { findVersion } from "./find-version.ts";
import type { ActiveFunction, FunctionVersion, ShareBy } from "./function-version.ts";
import type { FunctionsParts } from "./parts.ts";
import { type Deployment, readDeployments, readVersions } from "./store.ts";
import { endShare, savePointer, saveShare } from "./store-changes.ts";

export interface PromoteOrder {
  /** A version or the beginning of one; null = the one that has a part, else the newest. */
  readonly version: string | null;
  /** 0 ends a share, 100 (the default) gives all calls. Two decimals. */
  readonly percent: number;
  /** Null keeps what the present share has, else by request. */
  readonly by: ShareBy | null;
}

/**
 * What has calls afterwards, as the admin routes tell it.
 *
 * @throws function_not_found, version_not_found, version_ambiguous, version_is_active, nothing_to_promote
 */
export async function promoteVersion(
  parts: FunctionsParts,
  tenant: TenantCtx,
  name: string,
  order: PromoteOrder,
) {
  const { registry } = parts.state(tenant);
  await registry.refresh();
  const found = registry.get(name);
  if (!found) throw functionsErrors.function_not_found(name.slice(0, 64));
  const version = order.percent === 0 ? null : await wanted(parts.sql(tenant), found, order);
  await write(parts, tenant, found, version, order);
  await announce(parts, tenant, name);
  const now = registry.get(name);
  return {
    name,
    version: now?.active.version ?? null,
    previous_version: found.active.version,
    share: now ? describeShare(now) : null,
  };
}

/** As the admin routes tell it. */
export function describeShare({ share }: ActiveFunction) {
  return share && { version: share.version.version, percent: share.percent, by: share.by };
}

async function wanted(
  sql: Sql,
  found: ActiveFunction,
  { version: given }: PromoteOrder,
): Promise<string> {
  if (given === null && found.share) return found.share.version.version;
  const versions = await readVersions(sql, found.name);
  if (given !== null) return findVersion(found.name, given, versions);
  const newest = newestOf(await readDeployments(sql, found.name), versions);
  if (newest === null || newest === found.active.version) {
    throw functionsErrors.nothing_to_promote(found.name);
  }
  return newest;
}

/** The last that was deployed and is kept: that may be a version that was there before. */
function newestOf(
  newestFirst: readonly Deployment[],
  kept: readonly FunctionVersion[],
): string | null {
  const held = new Set(kept.map(({ version }) => version));
  const last = newestFirst.find(
    ({ action, version }) => (action === "deploy" || action === "upload") && held.has(version),
  );
  return last?.version ?? null;
}

async function write(
  parts: FunctionsParts,
  tenant: TenantCtx,
  found: ActiveFunction,
  version: string | null,
  { percent, by }: PromoteOrder,
): Promise<void> {
  const sql = parts.sql(tenant);
  const { name } = found;
  const event =
    (type: string, data: object) => (tx: Parameters<typeof parts.deps.events.append>[1]) =>
      parts.deps.events.append(tenant, tx, [{ type, subject: name, data }]);
  if (version === null) {
    const ended = await endShare(sql, name, event("functions.share_ended", {}));
    if (ended === null) throw functionsErrors.nothing_to_promote(name);
    return;
  }
  if (version === found.active.version) throw functionsErrors.version_is_active(name, version);
  const isWhole = percent === 100;
  const share = { version, percent, by: by ?? found.share?.by ?? "request" };
  const done = isWhole
    ? await savePointer(sql, name, version, "promote", event("functions.promoted", { version }))
    : await saveShare(sql, name, share, event("functions.shared", { ...share }));
  if (!done) throw functionsErrors.version_not_found(name, version);
}
