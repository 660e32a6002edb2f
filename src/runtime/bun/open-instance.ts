/**
 * Makes the process of one function version: out of a blank runner with the code in its folder, or, for
 * a zip, out of one that was started for it. Then one message.
 */
import { chmod, copyFile } from "node:fs/promises";
import { join } from "node:path";
import { ReactorError } from "../../core/errors.ts";
import type { FunctionSpec } from "../../core/ports/function-runtime.ts";
import type { Child } from "../child.ts";
import { runtimeErrors } from "../errors.ts";
import type { CodeFolder } from "../lambda/code-folders.ts";
import { BOOTSTRAP, DEFAULT_HANDLER } from "../lambda/zip-program.ts";
import type { AssignMessage, FromChild, LambdaAssignment } from "../messages.ts";
import type { FullRuntimeOptions } from "../options.ts";
import { relayLog } from "./function-log.ts";
import { Instance } from "./instance.ts";
import type { Runners } from "./runners.ts";

/** Importing the module, top-level awaits included, may take this long. */
const LOAD_MS = 10_000;

/** Throws `function_failed` when the module cannot be loaded, `function_unavailable` when no process came up. */
export async function openInstance(
  spec: FunctionSpec,
  runners: Runners,
  options: FullRuntimeOptions,
): Promise<Instance> {
  const { child, folder } = await runners.take(spec).catch((error: unknown) => {
    if (error instanceof ReactorError) throw error;
    throw runtimeErrors.function_unavailable(spec.name, error);
  });
  let instance: Instance | null = null;
  relayLog(child, spec, options, {
    printing: () => instance?.onlyCall() ?? null,
    running: () => instance?.soleCall() ?? null,
  });
  try {
    await assign(child, spec, folder, options);
    instance = new Instance(spec, child, options);
    return instance;
  } catch (error) {
    child.kill({ kind: "ended" });
    throw error;
  }
}

async function assign(
  child: Child,
  spec: FunctionSpec,
  folder: CodeFolder | null,
  options: FullRuntimeOptions,
): Promise<void> {
  const codePath = await placeCode(child, spec, folder);
  child.specOf = () => spec;
  child.limitMemory(spec.limits.memoryBytes);
  const message: AssignMessage = {
    t: "assign",
    name: spec.name,
    version: spec.version,
    codePath,
    env: spec.env,
    config: spec.config,
    ...(spec.runtime === "lambda" ? { lambda: lambdaOf(spec, folder) } : {}),
  };
  const cancel = options.clock.after(LOAD_MS, () => child.kill({ kind: "unresponsive" }));
  const failure = await child
    .ask(message, loadResult)
    .catch((error: unknown) => `The process ended while loading: ${String(error)}`)
    .finally(cancel);
  if (failure !== null) {
    const message = `The function "${spec.name}" could not be loaded: ${failure}`;
    throw runtimeErrors.function_failed(message);
  }
}

/** Path of what the child is to import. */
async function placeCode(child: Child, spec: FunctionSpec, folder: CodeFolder | null) {
  if (folder) return join(folder.path, fileOf(folder));
  // A handler for AWS may be CommonJS.
  const codePath = join(child.dir, `${spec.name}.${spec.runtime === "lambda" ? "js" : "mjs"}`);
  await copyFile(spec.codePath, codePath);
  // The child may be of another user, and its folder is closed to all but the two.
  await chmod(codePath, 0o444);
  return codePath;
}

const fileOf = ({ program }: CodeFolder) => (program.kind === "handler" ? program.file : BOOTSTRAP);

function lambdaOf({ entry, limits }: FunctionSpec, folder: CodeFolder | null): LambdaAssignment {
  const { concurrency, deadlineMs, memoryBytes } = limits;
  const memoryMb = Math.floor(memoryBytes / 1_048_576);
  const common = { concurrency, deadlineMs, memoryMb };
  if (folder) {
    const exportPath = folder.program.kind === "handler" ? folder.program.exportPath : null;
    return { ...common, handler: entry ?? DEFAULT_HANDLER, exportPath, root: folder.path };
  }
  // A bundle is one file, whatever file `index.handler` names.
  const name = entry?.split(".").at(-1);
  const handler = `index.${name ?? "handler"}`;
  return { ...common, handler, exportPath: name === undefined ? null : [name], root: null };
}

/** Null = loaded, a text = why not. */
function loadResult(answer: FromChild): string | null | undefined {
  if (answer.t === "assigned") return null;
  if (answer.t !== "assign_failed") return undefined;
  return typeof answer.message === "string" ? answer.message : "it said why in no text";
}
