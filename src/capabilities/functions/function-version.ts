/**
 * A function as the registry holds it: its pointer, its version, and how both become what a runtime
 * is given. A version's id is a hash over everything that changes what runs, so that the same deploy
 * twice is one version and a changed setting is a new one.
 */
import {
  type FunctionKind,
  type FunctionSettings,
  secretReference,
} from "../../core/function-settings.ts";
import type { CodeReport } from "../../core/inspect-code.ts";
import type { FunctionLimits } from "../../core/ports/function-runtime.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import type { FunctionsConfig } from "./config.ts";

/** Only what was set; null follows `[runtime]`. */
export type VersionLimits = Pick<FunctionSettings, (typeof LIMIT_KEYS)[number]>;

/** In the order in which they stand in a version's hash: new ones at the end. */
const LIMIT_KEYS = [
  "deadline_ms",
  "memory_mb",
  "body_in_mb",
  "concurrency",
  "egress",
  "isolation",
  "service",
  "body_out_mb",
  "queue",
  "min_instances",
  "max_instances",
  "idle_s",
] as const;
export const NO_LIMITS = Object.fromEntries(
  LIMIT_KEYS.map((key) => [key, null]),
) as unknown as VersionLimits;
/** Those of the first release stand there even when they are not set: ids must stay what they were. */
const FIRST_KEYS = 4;

/** Immutable. */
export interface FunctionVersion {
  /** sha256, hex. */
  readonly version: string;
  readonly runtime: FunctionKind;
  readonly codeSha256: string;
  readonly sizeBytes: number;
  readonly entry: string | null;
  readonly config: Readonly<Record<string, string>>;
  /** Never returned, names only. Null: sealed (`sealed-env.ts`). `vault:NAME` stands for a secret. */
  readonly env: Readonly<Record<string, string | null>>;
  readonly limits: VersionLimits;
  /** What its code asks for, as found at its deploy. */
  readonly report: CodeReport;
  /** ISO 8601. */
  readonly createdAt: string;
}

/** What decides between two versions: the id of the request, or who calls. */
export type ShareBy = "request" | "caller";

/** A part of the calls that goes to another version than the active one. */
export interface VersionShare {
  readonly version: FunctionVersion;
  /** More than 0, less than 100; two decimals. */
  readonly percent: number;
  readonly by: ShareBy;
}

/** A secret or a variable of the environment, without its value. */
export interface Variable {
  /** Null: of all functions. */
  readonly owner: string | null;
  readonly kind: "env" | "secret";
  readonly name: string;
  /** Differs after each change. */
  readonly revision: string;
  /** ISO 8601. */
  readonly updatedAt: string;
}

export interface ActiveFunction {
  readonly name: string;
  readonly description: string;
  readonly verifyJwt: boolean;
  readonly forwardAuthorization: boolean;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly active: FunctionVersion;
  readonly share: VersionShare | null;
  /** Its own and those of all functions; its own come first. */
  readonly variables: readonly Variable[];
}

const MIB = 1_048_576;

export function limitsOf(settings: VersionLimits): VersionLimits {
  return Object.fromEntries(LIMIT_KEYS.map((key) => [key, settings[key]])) as VersionLimits;
}

export function memoryBytesOf(
  { memory_mb }: Pick<VersionLimits, "memory_mb">,
  config: FunctionsConfig,
): number {
  return (memory_mb ?? config.memory_mb) * MIB;
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
  const parts = [tenant.id, codeSha256, runtime, entry, sorted(config), sorted(env)];
  const first = LIMIT_KEYS.slice(0, FIRST_KEYS).map((key) => settings[key]);
  const { egress } = settings;
  const later = LIMIT_KEYS.slice(FIRST_KEYS + 1).filter((key) => settings[key] !== null);
  const limits = [
    ...first,
    ...(egress ? [egress] : []),
    ...later.map((key) => [key, settings[key]]),
  ];
  return new Bun.CryptoHasher("sha256").update(JSON.stringify([...parts, limits])).digest("hex");
}

function sorted(map: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** A WASM instance does one call at a time whatever the default says. */
export function effectiveLimits(version: FunctionVersion, config: FunctionsConfig): FunctionLimits {
  const { limits, runtime } = version;
  const bodyOutMb = limits.body_out_mb ?? config.body_out_mb;
  return {
    deadlineMs: limits.deadline_ms ?? config.deadline_ms,
    memoryBytes: memoryBytesOf(limits, config),
    bodyInBytes: (limits.body_in_mb ?? config.body_in_mb) * MIB,
    bodyOutBytes: bodyOutMb === 0 ? null : bodyOutMb * MIB,
    concurrency: limits.concurrency ?? (runtime === "bun" ? config.concurrency : 1),
    queue: limits.queue ?? config.queue,
    idleMs: (limits.idle_s ?? config.idle_s) * 1000,
  };
}

/** No more are kept ready than there may be. */
export function effectiveInstances({ limits }: FunctionVersion) {
  const { min_instances, max_instances } = limits;
  const max = max_instances ?? Math.max(1, min_instances ?? 0);
  return { min: Math.min(min_instances ?? 0, max), max };
}

/** Hosts it may send requests to. */
export function effectiveEgress(
  version: FunctionVersion,
  config: FunctionsConfig,
): readonly string[] {
  return version.limits.egress ?? config.egress;
}

/** Versions that get calls. */
export function versionsInUse({ active, share }: ActiveFunction): FunctionVersion[] {
  return share ? [active, share.version] : [active];
}

/**
 * Differs when the values that a version is given have changed: variables of the environment, and the
 * secrets that its settings name. A process that has others must be replaced.
 */
export function environmentMark(found: ActiveFunction, version: FunctionVersion): string {
  const texts = [...Object.values(version.env), ...Object.values(version.config)];
  const secrets = new Set(texts.map((text) => secretReference(text ?? "")));
  return found.variables
    .filter(({ kind, name }) => kind === "env" || secrets.has(name))
    .map(({ owner, name, revision }) => `${owner ?? ""}/${name}@${revision}`)
    .join(" ");
}
