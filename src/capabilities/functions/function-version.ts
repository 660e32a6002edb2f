/**
 * A function as the registry holds it: its pointer, its version, and how both become what a runtime
 * is given. A version's id is a hash over everything that changes what runs, so that the same deploy
 * twice is one version and a changed setting is a new one.
 */
import type { FunctionKind, FunctionSettings } from "../../core/function-settings.ts";
import type { FunctionLimits, FunctionSpec } from "../../core/ports/function-runtime.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import type { FunctionsConfig } from "./config.ts";

/** Only what was set; null follows `[runtime]`. */
export type VersionLimits = Pick<
  FunctionSettings,
  | "deadline_ms"
  | "memory_mb"
  | "body_in_mb"
  | "concurrency"
  | "egress"
  | "isolation"
  | "service"
  | "min_instances"
  | "max_instances"
>;

/** Immutable. */
export interface FunctionVersion {
  /** sha256, hex. */
  readonly version: string;
  readonly runtime: FunctionKind;
  readonly codeSha256: string;
  readonly sizeBytes: number;
  readonly entry: string | null;
  readonly config: Readonly<Record<string, string>>;
  /** May hold secrets: never returned, names only. */
  readonly env: Readonly<Record<string, string>>;
  readonly limits: VersionLimits;
  /** ISO 8601. */
  readonly createdAt: string;
}

export interface ActiveFunction {
  readonly name: string;
  readonly description: string;
  readonly verifyJwt: boolean;
  readonly forwardAuthorization: boolean;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly active: FunctionVersion;
}

const MIB = 1_048_576;

export function limitsOf(settings: VersionLimits): VersionLimits {
  const { deadline_ms, memory_mb, body_in_mb, concurrency, egress, isolation } = settings;
  const { service, min_instances, max_instances } = settings;
  return {
    ...{ deadline_ms, memory_mb, body_in_mb, concurrency },
    ...{ egress, isolation, service, min_instances, max_instances },
  };
}

/**
 * The id of the version that these settings and this code make. The tenant is part of it: runtimes
 * know a version by name and id, and two tenants must never share a process.
 */
export function versionOf(
  tenant: TenantCtx,
  settings: FunctionSettings,
  codeSha256: string,
): string {
  const { runtime, entry, config, env } = settings;
  const { deadline_ms, memory_mb, body_in_mb, concurrency, egress, isolation } = settings;
  const parts = [tenant.id, codeSha256, runtime, entry, sorted(config), sorted(env)];
  const limits: unknown[] = [deadline_ms, memory_mb, body_in_mb, concurrency];
  // Later settings count only where they are set, so that earlier versions keep their ids.
  if (egress) limits.push(egress);
  if (isolation) limits.push(isolation);
  const { service, min_instances, max_instances } = settings;
  if (service) limits.push("service");
  if (min_instances) limits.push({ min_instances });
  if (max_instances) limits.push({ max_instances });
  return new Bun.CryptoHasher("sha256").update(JSON.stringify([...parts, limits])).digest("hex");
}

function sorted(map: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** A WASM instance does one call at a time whatever the default says. */
export function effectiveLimits(version: FunctionVersion, config: FunctionsConfig): FunctionLimits {
  const { limits, runtime } = version;
  return {
    deadlineMs: limits.deadline_ms ?? config.deadline_ms,
    memoryBytes: (limits.memory_mb ?? config.memory_mb) * MIB,
    bodyInBytes: (limits.body_in_mb ?? config.body_in_mb) * MIB,
    concurrency: limits.concurrency ?? (runtime === "wasm" ? 1 : config.concurrency),
  };
}

/** No more are kept ready than there may be. */
function instancesOf({ min_instances, max_instances }: VersionLimits) {
  const max = max_instances ?? Math.max(1, min_instances ?? 0);
  return { min: Math.min(min_instances ?? 0, max), max };
}

/** What a runtime is given. */
export function specOf(
  found: ActiveFunction,
  codePath: string,
  config: FunctionsConfig,
): FunctionSpec {
  const { version, runtime, entry, config: values, env } = found.active;
  return {
    name: found.name,
    version,
    runtime,
    codePath,
    entry,
    config: values,
    env,
    limits: effectiveLimits(found.active, config),
    service: found.active.limits.service ?? false,
    instances: instancesOf(found.active.limits),
    isolation: found.active.limits.isolation ?? "reuse",
    egress: found.active.limits.egress ?? config.egress,
  };
}
