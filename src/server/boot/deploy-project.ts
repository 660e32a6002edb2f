/** Deploys the functions of the server's own project: at boot, and in `dev` at each change. */
import { createHash } from "node:crypto";
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

export interface ProjectDeployOptions {
  readonly projectDir: string;
  readonly lists: Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>;
  readonly tenant: TenantCtx;
  readonly deployer: Deployer;
  readonly log: Logger;
  bundleFunction(path: string): Promise<Uint8Array>;
}

/** @throws StartupError project_invalid (exit 4), or what the bundler and the deployer throw. */
export async function deployProject(options: ProjectDeployOptions): Promise<void> {
  const { projectDir, lists, tenant, deployer, log } = options;
  const { functions, faults } = discoverFunctions(projectDir, lists["functions"] ?? []);
  if (faults.length > 0) throw projectInvalid(faults);
  const packed = await Promise.all(functions.map((fn) => pack(fn, options.bundleFunction)));
  const changes = await deployer.plan(
    tenant,
    packed.map(({ item }) => item),
  );
  const unchanged = new Set(changes.filter((c) => c.action === "unchanged").map((c) => c.name));
  for (const { item, part } of packed) {
    if (unchanged.has(item.name)) continue;
    const { action, version } = await deployer.apply(tenant, item, part);
    log.info("project.function_deployed", { function: item.name, action, version });
  }
  const names = functions.map((fn) => fn.name);
  for (const { name } of (await deployer.prune?.(tenant, names)) ?? []) {
    log.info("project.function_removed", { function: name });
  }
}

async function pack(
  fn: ProjectFunction,
  bundle: (path: string) => Promise<Uint8Array>,
): Promise<{ item: DeployItem; part: Uint8Array }> {
  const part = isPart(fn.path) ? packed(fn) : await bundle(fn.path);
  const sha256 = createHash("sha256").update(part).digest("hex");
  const settings = fn.settings as unknown as DeployItem["settings"];
  // A start undoes no rollback and no trial: what was deployed before is left where it is.
  const promote = "if_changed";
  return { item: { name: fn.name, sha256, sizeBytes: part.byteLength, settings, promote }, part };
}

function packed({ name, path }: ProjectFunction): Uint8Array {
  try {
    return readPart(path);
  } catch (error) {
    throw projectInvalid([`function '${name}': ${(error as Error).message}`]);
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
