/** Makes the process of one function version out of a blank runner: code in its folder, one message. */
import { chmod, copyFile } from "node:fs/promises";
import { join } from "node:path";
import type { FunctionSpec } from "../../core/ports/function-runtime.ts";
import type { BlankPool } from "../blank-pool.ts";
import type { Child } from "../child.ts";
import { runtimeErrors } from "../errors.ts";
import { createLogCap, LOG_LINES_ACCEPTED_PER_S } from "../log-cap.ts";
import type { AssignMessage, FromChild, LambdaAssignment } from "../messages.ts";
import type { FullRuntimeOptions } from "../options.ts";
import { Instance } from "./instance.ts";

/** Importing the module, top-level awaits included, may take this long. */
const LOAD_MS = 10_000;

/** Throws `function_failed` when the module cannot be loaded, `function_unavailable` when no process came up. */
export async function openInstance(
  spec: FunctionSpec,
  pool: BlankPool,
  options: FullRuntimeOptions,
): Promise<Instance> {
  const child = await pool.take().catch((error: unknown) => {
    throw runtimeErrors.function_unavailable(spec.name, error);
  });
  relayLog(child, spec, options);
  try {
    await assign(child, spec, options);
    return new Instance(spec, child, options);
  } catch (error) {
    child.kill({ kind: "ended" });
    throw error;
  }
}

async function assign(child: Child, spec: FunctionSpec, options: FullRuntimeOptions) {
  // A handler for AWS may be CommonJS.
  const codePath = join(child.dir, `${spec.name}.${spec.runtime === "lambda" ? "js" : "mjs"}`);
  await copyFile(spec.codePath, codePath);
  // The child may be of another user, and its folder is closed to all but the two.
  await chmod(codePath, 0o444);
  child.specOf = () => spec;
  child.limitMemory(spec.limits.memoryBytes);
  const message: AssignMessage = {
    t: "assign",
    name: spec.name,
    version: spec.version,
    codePath,
    env: spec.env,
    config: spec.config,
    ...(spec.runtime === "lambda" ? { lambda: lambdaOf(spec) } : {}),
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

function lambdaOf({ entry, limits }: FunctionSpec): LambdaAssignment {
  const { concurrency, deadlineMs, memoryBytes } = limits;
  return { entry, concurrency, deadlineMs, memoryMb: Math.floor(memoryBytes / 1_048_576) };
}

/** Null = loaded, a text = why not. */
function loadResult(answer: FromChild): string | null | undefined {
  if (answer.t === "assigned") return null;
  if (answer.t !== "assign_failed") return undefined;
  return typeof answer.message === "string" ? answer.message : "it said why in no text";
}

function relayLog(child: Child, spec: FunctionSpec, options: FullRuntimeOptions): void {
  const cap = createLogCap(options.clock, LOG_LINES_ACCEPTED_PER_S);
  const common = { function: spec.name, version: spec.version };
  child.onLog = ([level, requestId, message]) => {
    if (!cap.admit()) return;
    const dropped = cap.takeDropped();
    if (dropped > 0) {
      const lost = `${dropped} log lines were dropped`;
      options.onLog({ ...common, requestId: null, level: "warn", message: lost });
    }
    options.onLog({ ...common, requestId, level, message });
  };
}
