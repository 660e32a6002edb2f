/** What the admin routes tell of functions. Values of `env` stay inside: names only. */
import type { TenantCtx } from "../../core/tenant.ts";
import { functionsErrors } from "./errors.ts";
import { type ActiveFunction, effectiveLimits, type FunctionVersion } from "./function-version.ts";
import type { FunctionsParts } from "./parts.ts";
import { readDeployments, readVersions } from "./store.ts";

const PAGE_DEFAULT = 100;
const PAGE_MAX = 1_000;

/** A page in order of name; `next` is the `after` of the page that follows, null at the end. */
export async function listFunctions(
  parts: FunctionsParts,
  tenant: TenantCtx,
  page: { after?: string | undefined; limit?: number | undefined },
) {
  const { registry } = parts.state(tenant);
  await registry.load();
  await registry.poll();
  const limit = Math.min(Math.max(1, page.limit ?? PAGE_DEFAULT), PAGE_MAX);
  const rest = registry.all().filter(({ name }) => name > (page.after ?? ""));
  const shown = rest.slice(0, limit);
  const next = rest.length > limit ? (shown.at(-1)?.name ?? null) : null;
  return { functions: shown.map((found) => summary(found)), next };
}

/** @throws function_not_found */
export async function showFunction(parts: FunctionsParts, tenant: TenantCtx, name: string) {
  const found = await known(parts, tenant, name);
  const { active } = found;
  const { deadlineMs, memoryBytes, bodyInBytes, concurrency } = effectiveLimits(
    active,
    parts.config,
  );
  const history = await readDeployments(parts.sql(tenant), name);
  return {
    ...summary(found),
    entry: active.entry,
    config: active.config,
    env_names: Object.keys(active.env).sort(),
    size_bytes: active.sizeBytes,
    limits: {
      deadline_ms: deadlineMs,
      memory_bytes: memoryBytes,
      body_in_bytes: bodyInBytes,
      concurrency,
      egress: active.limits.egress ?? parts.config.egress,
    },
    history: history
      .slice(0, PAGE_DEFAULT)
      .map(({ action, version, createdAt }) => ({ action, version, created_at: createdAt })),
  };
}

/** Newest first. @throws function_not_found */
export async function listVersions(parts: FunctionsParts, tenant: TenantCtx, name: string) {
  const found = await known(parts, tenant, name);
  const versions = await readVersions(parts.sql(tenant), name);
  return { versions: versions.map((version) => versionRow(version, found.active.version)) };
}

async function known(
  parts: FunctionsParts,
  tenant: TenantCtx,
  name: string,
): Promise<ActiveFunction> {
  const { registry } = parts.state(tenant);
  await registry.load();
  await registry.poll();
  const found = registry.get(name);
  if (!found) throw functionsErrors.function_not_found(name.slice(0, 64));
  return found;
}

function summary(found: ActiveFunction) {
  return {
    name: found.name,
    description: found.description,
    runtime: found.active.runtime,
    version: found.active.version,
    verify_jwt: found.verifyJwt,
    forward_authorization: found.forwardAuthorization,
    created_at: found.createdAt,
    updated_at: found.updatedAt,
  };
}

function versionRow(version: FunctionVersion, active: string) {
  return {
    version: version.version,
    active: version.version === active,
    runtime: version.runtime,
    size_bytes: version.sizeBytes,
    created_at: version.createdAt,
  };
}
