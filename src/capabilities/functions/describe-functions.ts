/** What the admin routes tell of functions. Values of `env` stay inside: names only. */
import type { TenantCtx } from "../../core/tenant.ts";
import { functionsErrors } from "./errors.ts";
import {
  type ActiveFunction,
  effectiveEgress,
  effectiveInstances,
  effectiveLimits,
  type FunctionVersion,
} from "./function-version.ts";
import type { FunctionsParts } from "./parts.ts";
import { describeShare } from "./promote-version.ts";
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
  const limits = effectiveLimits(active, parts.config);
  const instances = effectiveInstances(active);
  const history = await readDeployments(parts.sql(tenant), name);
  return {
    ...summary(found),
    entry: active.entry,
    config: active.config,
    env_names: [...new Set([...Object.keys(active.env), ...names(found, "env")])].sort(),
    size_bytes: active.sizeBytes,
    secret_names: names(found, "secret"),
    imports: active.report.imports,
    hosts: active.report.hosts,
    warnings: active.report.warnings,
    limits: {
      deadline_ms: limits.deadlineMs,
      memory_bytes: limits.memoryBytes,
      body_in_bytes: limits.bodyInBytes,
      body_out_bytes: limits.bodyOutBytes,
      concurrency: limits.concurrency,
      queue: limits.queue,
      min_instances: instances.min,
      max_instances: instances.max,
      idle_ms: limits.idleMs,
      egress: effectiveEgress(active, parts.config),
    },
    history: history
      .slice(0, PAGE_DEFAULT)
      .map(({ action, version, createdAt }) => ({ action, version, created_at: createdAt })),
  };
}

/** Of its own and of all functions, in order, each once. */
function names({ variables }: ActiveFunction, kind: "env" | "secret"): string[] {
  const wanted = variables.filter((one) => one.kind === kind);
  return [...new Set(wanted.map(({ name }) => name))].sort();
}

/** Newest first. @throws function_not_found */
export async function listVersions(parts: FunctionsParts, tenant: TenantCtx, name: string) {
  const found = await known(parts, tenant, name);
  const versions = await readVersions(parts.sql(tenant), name);
  return { versions: versions.map((version) => versionRow(version, found)) };
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
    share: describeShare(found),
    verify_jwt: found.verifyJwt,
    forward_authorization: found.forwardAuthorization,
    created_at: found.createdAt,
    updated_at: found.updatedAt,
  };
}

function versionRow(version: FunctionVersion, { active, share }: ActiveFunction) {
  const isActive = version.version === active.version;
  const part = share?.version.version === version.version ? share.percent : 0;
  return {
    version: version.version,
    active: isActive,
    percent: isActive ? 100 - (share?.percent ?? 0) : part,
    runtime: version.runtime,
    size_bytes: version.sizeBytes,
    imports: version.report.imports,
    hosts: version.report.hosts,
    created_at: version.createdAt,
  };
}
