/** Deploys the functions of the server's own project: at boot, and in `dev` at each change. */
import { createHash } from "node:crypto";
import { defineErrors, ReactorError } from "../../core/errors.ts";
import {
  discoverFunctions,
  isPart,
  type ProjectFunction,
  readPart,
} from "../../core/functions-project.ts";
import type { Deployer, DeployItem } from "../../core/ports/deployer.ts";
import type { Logger } from "../../core/ports/log.ts";
import { StartupError } from "../../core/startup-error.ts";
import type { TenantCtx } from "../../core/tenant.ts";

/** From this status on it is no fault of a function. */
const SERVER_FAULTS = 500;

const WHAT_TO_DO = "Correct it; what was deployed of it before stays until then";

const errors = defineErrors({
  function_unreadable: (name: string, details: string) => ({
    status: 422,
    message: `What is to be deployed as '${name}' cannot be read`,
    details,
  }),
});

export interface ProjectDeployOptions {
  readonly projectDir: string;
  readonly lists: Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>;
  readonly tenant: TenantCtx;
  readonly deployer: Deployer;
  readonly log: Logger;
  bundleFunction(path: string): Promise<Uint8Array>;
}

/**
 * What one function's own fault keeps back is logged and stays as it was; the others are deployed.
 * @throws StartupError project_invalid (exit 4), or what keeps all of them from being deployed
 */
export async function deployProject(options: ProjectDeployOptions): Promise<void> {
  const { projectDir, lists, tenant, deployer, log } = options;
  const { functions, faults } = discoverFunctions(projectDir, lists["functions"] ?? []);
  if (faults.length > 0) throw projectInvalid(faults);
  const { attempt, failed } = attempts(log);
  const packing = functions.map((fn) => attempt(fn.name, () => pack(fn, options.bundleFunction)));
  const packed = (await Promise.all(packing)).filter((one) => one !== undefined);
  for (const { item, part } of await changed(options, packed, attempt)) {
    const applied = await attempt(item.name, () => deployer.apply(tenant, item, part));
    if (!applied) continue;
    const { action, version } = applied;
    log.info("project.function_deployed", { function: item.name, action, version });
  }
  const names = functions.map((fn) => fn.name);
  for (const { name } of (await deployer.prune?.(tenant, names)) ?? []) {
    log.info("project.function_removed", { function: name });
  }
  deployer.keptBack?.(tenant, failed.length);
}

type Attempt = <T>(name: string, work: () => Promise<T>) => Promise<T | undefined>;

/** `attempt` gives undefined where the function itself is at fault; `failed` has the names of these. */
function attempts(log: Logger): { attempt: Attempt; failed: string[] } {
  const failed: string[] = [];
  const attempt: Attempt = async (name, work) => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ReactorError) || error.status >= SERVER_FAULTS) throw error;
      const { code, message, details, hint } = error;
      const told = { code, message, details, hint: hint ?? WHAT_TO_DO };
      log.error("project.function_failed", { function: name, ...told });
      failed.push(name);
      return undefined;
    }
  };
  return { attempt, failed };
}

interface Packed {
  readonly item: DeployItem;
  readonly part: Uint8Array;
}

/** Those that the deploy is to change. All are planned at once, and one by one only to tell which is at fault. */
async function changed(
  { deployer, tenant }: ProjectDeployOptions,
  packed: readonly Packed[],
  attempt: Attempt,
): Promise<Packed[]> {
  const items = packed.map(({ item }) => item);
  const changes = await deployer.plan(tenant, items).catch(async () => {
    const alone = items.map((item) => attempt(item.name, () => deployer.plan(tenant, [item])));
    return (await Promise.all(alone)).flatMap((change) => change ?? []);
  });
  const names = changes.filter(({ action }) => action !== "unchanged").map(({ name }) => name);
  return packed.filter(({ item }) => names.includes(item.name));
}

async function pack(
  fn: ProjectFunction,
  bundle: (path: string) => Promise<Uint8Array>,
): Promise<Packed> {
  const part = isPart(fn.path) ? partOf(fn) : await bundle(fn.path);
  const sha256 = createHash("sha256").update(part).digest("hex");
  const settings = fn.settings as unknown as DeployItem["settings"];
  // A start undoes no rollback and no trial: what was deployed before is left where it is.
  const promote = "if_changed";
  return { item: { name: fn.name, sha256, sizeBytes: part.byteLength, settings, promote }, part };
}

function partOf({ name, path }: ProjectFunction): Uint8Array {
  try {
    return readPart(path);
  } catch (error) {
    throw errors.function_unreadable(name, (error as Error).message);
  }
}

function projectInvalid(faults: readonly string[]): StartupError {
  return new StartupError({
    code: "project_invalid",
    message: `The project's functions have faults:\n${faults.map((fault) => `  ${fault}`).join("\n")}`,
    hint: "See docs/functions.md for the layout of a project",
    exitCode: 4,
  });
}
