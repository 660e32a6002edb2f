/**
 * Decides at deploy whether a WASM module can run here, and says why not in words its author can act
 * on. The functions capability calls it before it stores anything; the host relies on it.
 */
import { runtimeErrors } from "../errors.ts";
import { EXTISM_FUNCTIONS, EXTISM_MODULE } from "./extism-imports.ts";
import { isOutside, SECRET_MODULE, USER_MODULE } from "./host/outside.ts";
import { inspectModule, type ModuleImport, type ModuleShape } from "./inspect-module.ts";
import { RESERVED_PREFIX, rewriteModule } from "./rewrite/rewrite-module.ts";
import { WASI_FUNCTIONS, WASI_MODULE } from "./wasi.ts";

/** Only what no setting can change is refused here; the host holds a module to its own limits. */
const NO_LIMITS = { memoryBytes: 2 ** 32, tableElements: 10_000_000 };

export interface ModuleReport {
  /** What can be called, in the order of the export section. */
  readonly callable: readonly string[];
  /** `module.name` of everything imported: the deploy report. */
  readonly imports: readonly string[];
}

/** Throws `invalid_function` (422) with the reason. */
export function checkModule(bytes: Uint8Array<ArrayBuffer>): ModuleReport {
  if (!WebAssembly.validate(bytes)) throw runtimeErrors.invalid_function(whyInvalid(bytes));
  const shape = readShape(bytes);
  refuse(shape);
  const imports = shape.imports.map(({ module, name }) => `${module}.${name}`);
  rewriteModule(bytes, NO_LIMITS);
  return { callable: shape.callable, imports };
}

function readShape(bytes: Uint8Array): ModuleShape {
  try {
    return inspectModule(bytes);
  } catch (error) {
    throw runtimeErrors.invalid_function(error instanceof Error ? error.message : String(error));
  }
}

function whyInvalid(bytes: Uint8Array<ArrayBuffer>): string {
  try {
    new WebAssembly.Module(bytes);
    return "It does not validate";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function refuse(shape: ModuleShape): void {
  if (shape.memory64) throw runtimeErrors.invalid_function("It uses a 64-bit memory");
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
