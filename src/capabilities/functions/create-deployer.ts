/**
 * The `functions` section of a deploy: what would change, one function applied, and those that the
 * project no longer has. Everything is checked again here, whoever sent it.
 */
import {
  FUNCTION_NAME,
  type FunctionSettings,
  readFunctionSettings,
  secretReference,
} from "../../core/function-settings.ts";
import type { CodeReport } from "../../core/inspect-code.ts";
import type { DeployChange, Deployer, DeployItem } from "../../core/ports/deployer.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import { announce } from "./announce.ts";
import { checkCode, inspectNamed } from "./check-code.ts";
import { hashOf } from "./code-cache.ts";
import { changesOf, type PlannedChange } from "./deploy-changes.ts";
import { functionsErrors } from "./errors.ts";
import { memoryBytesOf } from "./function-version.ts";
import type { FunctionsParts } from "./parts.ts";
import { removeFunction } from "./remove-function.ts";
import { envFault, sealEnv } from "./sealed-env.ts";
import { heldCode, readCode } from "./store.ts";
import { saveDeploy } from "./store-changes.ts";
import { readVariablesOf } from "./store-variables.ts";

const MIB = 1_048_576;
const SHA256 = /^[0-9a-f]{64}$/;

export function createDeployer(parts: FunctionsParts): Deployer {
  return {
    section: "functions",
    plan: (tenant, items) => planDeploy(parts, tenant, items),
    names: (tenant) => deployedNames(parts, tenant),
    holds: (tenant, sums) => heldCode(parts.sql(tenant), sums),
    apply: (tenant, item, part) => applyItem(parts, tenant, item, part),
    prune: (tenant, keep) => prune(parts, tenant, keep),
    keptBack(tenant, count) {
      parts.state(tenant).keptBack = count;
    },
  };
}

/** @throws function_invalid naming every fault of every item, code_too_large */
async function planDeploy(
  parts: FunctionsParts,
  tenant: TenantCtx,
  items: readonly DeployItem[],
): Promise<DeployChange[]> {
  const faults = items.flatMap(faultsOf);
  const names = items.map((item) => item.name);
  const twins = names.filter((name, at) => names.indexOf(name) !== at);
  faults.push(...[...new Set(twins)].map((name) => `'${name}' is there twice`));
  if (faults.length > 0) throw functionsErrors.functions_invalid(faults);
  for (const { name, sizeBytes } of items) checkSize(parts, name, sizeBytes);
  const changes = await changesOf(parts, tenant, items);
  return changes.map(({ change }) => change);
}

async function deployedNames(parts: FunctionsParts, tenant: TenantCtx): Promise<string[]> {
  const { registry } = parts.state(tenant);
  await registry.load();
  return registry.all().map(({ name }) => name);
}

function faultsOf(item: DeployItem): string[] {
  if (!FUNCTION_NAME.test(item.name)) {
    return [`'${item.name.slice(0, 64)}' is not a name: it must match ${FUNCTION_NAME.source}`];
  }
  const read = readFunctionSettings(item.settings);
  const faults = [...read.faults];
  const tooMuch = faults.length === 0 ? envFault(read.settings) : null;
  if (tooMuch) faults.push(tooMuch);
  if (!("runtime" in item.settings)) faults.push("runtime is missing");
  if (!SHA256.test(item.sha256)) faults.push("sha256 must be 64 hexadecimal digits");
  return faults.map((fault) => `'${item.name}': ${fault}`);
}

function checkSize(parts: FunctionsParts, name: string, sizeBytes: number): void {
  const limitBytes = parts.config.code_max_mb * MIB;
  if (sizeBytes > limitBytes) throw functionsErrors.code_too_large(name, sizeBytes, limitBytes);
}

/** @throws function_invalid, code_mismatch, code_too_large, invalid_function (a bad module) */
async function applyItem(
  parts: FunctionsParts,
  tenant: TenantCtx,
  item: DeployItem,
  part: Uint8Array | null,
): Promise<DeployChange> {
  const faults = faultsOf(item);
  if (faults.length > 0) throw functionsErrors.functions_invalid(faults);
  const code = part ?? (await readCode(parts.sql(tenant), item.sha256));
  if (!code) throw functionsErrors.code_missing(item.name, item.sha256);
  checkSize(parts, item.name, code.byteLength);
  if (hashOf(code) !== item.sha256) throw functionsErrors.code_mismatch(item.name);
  const { settings } = readFunctionSettings(item.settings);
  await checkCode(item.name, settings, code, memoryBytesOf(settings, parts.config));
  const [planned] = await changesOf(parts, tenant, [item]);
  if (!planned) throw new Error("a change of each item");
  const { change } = planned;
  const report = await reportOf(parts, tenant, item.name, settings, code);
  if (change.action === "unchanged") return { ...change, report };
  await save(parts, tenant, item, settings, { ...planned, code, report, isNew: part !== null });
  await announce(parts, tenant, item.name);
  return { ...change, report };
}

interface Applied extends PlannedChange {
  readonly code: Uint8Array;
  readonly report: CodeReport;
  /** The database may not have the code yet. */
  readonly isNew: boolean;
}

async function save(
  parts: FunctionsParts,
  tenant: TenantCtx,
  item: DeployItem,
  settings: FunctionSettings,
  { change, activate, code, report, isNew }: Applied,
): Promise<void> {
  const { version, action } = change;
  const { vault } = parts.deps;
  const deploy = {
    name: item.name,
    version,
    sealEnv: () => sealEnv(vault, tenant, { name: item.name, version }, settings.env),
    codeSha256: item.sha256,
    settings,
    code: isNew ? code : null,
    sizeBytes: code.byteLength,
    report,
    activate,
  };
  await saveDeploy(parts.sql(tenant), deploy, (tx) =>
    parts.deps.events.append(tenant, tx, [
      { type: "functions.deployed", subject: item.name, data: { version, action } },
    ]),
  );
}

/** What the code asks for, and the secrets that its settings name and nobody has set. */
async function reportOf(
  parts: FunctionsParts,
  tenant: TenantCtx,
  name: string,
  settings: FunctionSettings,
  code: Uint8Array,
): Promise<CodeReport> {
  const report = inspectNamed(name, settings, code, settings.egress ?? parts.config.egress);
  const texts = [...Object.values(settings.env), ...Object.values(settings.config)];
  const wanted = new Set(texts.flatMap((text) => secretReference(text) ?? []));
  if (wanted.size === 0) return report;
  const sql = parts.sql(tenant);
  const own = await readVariablesOf(sql, name, "secret");
  const shared = await readVariablesOf(sql, null, "secret");
  for (const one of [...own, ...shared]) wanted.delete(one.name);
  const missing = [...wanted].map(
    (secret) => `its settings name the secret ${secret}, which is not set`,
  );
  return { ...report, warnings: [...report.warnings, ...missing] };
}

/** With `[runtime] prune`: what the project no longer has goes. */
async function prune(
  parts: FunctionsParts,
  tenant: TenantCtx,
  keep: readonly string[],
): Promise<DeployChange[]> {
  if (!parts.config.prune) return [];
  const { registry } = parts.state(tenant);
  await registry.refresh();
  const changes: DeployChange[] = [];
  for (const { name, active } of registry.all()) {
    if (keep.includes(name)) continue;
    await removeFunction(parts, tenant, name);
    changes.push({ name, action: "remove", version: active.version });
  }
  return changes;
}
