/**
 * Decides at deploy whether a WASM module can run here, and says why not in words its author can act
 * on. The functions capability calls it before it stores anything; the host relies on it.
 */
import { runtimeErrors } from "../errors.ts";
import { engineReason } from "./engine-reason.ts";
import { EXTISM_FUNCTIONS, EXTISM_MODULE } from "./extism-imports.ts";
import { isOutside, SECRET_MODULE, USER_MODULE } from "./host/outside.ts";
import { signatureFault } from "./import-signatures.ts";
import { inspectModule, type ModuleImport, type ModuleShape } from "./inspect-module.ts";
import { TABLE_ELEMENTS } from "./rewrite/rewrite-limits.ts";
import { RESERVED_PREFIX, rewriteModule } from "./rewrite/rewrite-module.ts";
import { WASI_FUNCTIONS, WASI_MODULE } from "./wasi.ts";

const MEMORY_64 = "It uses a 64-bit memory";

export interface ModuleReport {
  /** What can be called, in the order of the export section. */
  readonly callable: readonly string[];
  /** `module.name` of everything imported: the deploy report. */
  readonly imports: readonly string[];
}

/**
 * @param memoryBytes what the function may have
 * Throws `invalid_function` (422) with the reason.
 */
export function checkModule(bytes: Uint8Array<ArrayBuffer>, memoryBytes: number): ModuleReport {
  if (!WebAssembly.validate(bytes)) throw runtimeErrors.invalid_function(whyInvalid(bytes));
  const shape = readShape(bytes);
  refuse(shape);
  const imports = shape.imports.map(({ module, name }) => `${module}.${name}`);
  rewriteModule(bytes, { memoryBytes, tableElements: TABLE_ELEMENTS });
  return { callable: shape.callable, imports };
}

function readShape(bytes: Uint8Array): ModuleShape {
  try {
    return inspectModule(bytes);
  } catch (error) {
    throw runtimeErrors.invalid_function(engineReason(error));
  }
}

function whyInvalid(bytes: Uint8Array<ArrayBuffer>): string {
  // The engine has these turned off, and says so in its own terms.
  if (usesMemory64(bytes)) return MEMORY_64;
  try {
    new WebAssembly.Module(bytes);
    return "It does not validate";
  } catch (error) {
    return engineReason(error);
  }
}

function usesMemory64(bytes: Uint8Array): boolean {
  try {
    return inspectModule(bytes).memory64;
  } catch {
    return false;
  }
}

function refuse(shape: ModuleShape): void {
  if (shape.memory64) throw runtimeErrors.invalid_function(MEMORY_64);
  if (shape.memories > 1) throw runtimeErrors.invalid_function("It has more than one memory");
  const memory = shape.imports.find(({ kind }) => kind === "memory");
  if (memory) {
    const hint = "Let the module define its own memory (AssemblyScript: without --importMemory)";
    throw runtimeErrors.invalid_function(`It imports the memory ${nameOf(memory)}`, hint);
  }
  const reserved = shape.exportNames.find((name) => name.startsWith(RESERVED_PREFIX));
  if (reserved !== undefined) {
    throw runtimeErrors.invalid_function(`It exports ${reserved}; that prefix is the server's own`);
  }
  const unknown = shape.imports.filter((wanted) => !isProvided(wanted));
  if (unknown.length > 0) throw unsatisfied(unknown);
  for (const wanted of shape.imports) {
    const fault = signatureFault(wanted);
    if (fault) throw runtimeErrors.invalid_function(fault);
  }
  if (shape.callable.length === 0 && !shape.exportNames.includes("_start")) {
    throw runtimeErrors.invalid_function(
      "It exports no function without parameters that returns nothing or an i32",
      "Extism functions read their input through the plug-in development kit",
    );
  }
}

function isProvided({ module, name, kind }: ModuleImport): boolean {
  if (kind !== "function") return false;
  if (isOutside({ module, name })) return true;
  if (module === EXTISM_MODULE) return EXTISM_FUNCTIONS.has(name);
  return module === WASI_MODULE && WASI_FUNCTIONS.has(name);
}

function unsatisfied(unknown: readonly ModuleImport[]) {
  const names = unknown.slice(0, 5).map((wanted) => `${wanted.kind} ${nameOf(wanted)}`);
  const more = unknown.length > 5 ? ` and ${unknown.length - 5} more` : "";
  const isAbort = unknown.some((wanted) => nameOf(wanted) === "env.abort");
  const hint = isAbort
    ? "AssemblyScript: compile with --use abort=<your own function>"
    : `Provided are functions of ${[EXTISM_MODULE, USER_MODULE, SECRET_MODULE, WASI_MODULE].join(", ")}`;
  const reason = `Nothing here provides what it imports: ${names.join(", ")}${more}`;
  return runtimeErrors.invalid_function(reason, hint);
}

function nameOf({ module, name }: ModuleImport): string {
  return `${module}.${name}`;
}
