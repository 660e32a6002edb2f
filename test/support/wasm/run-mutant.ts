/**
 * Runs damaged modules on a thread of its own and stops each that does not end. Nothing is compared:
 * what counts is that the rewritten module is valid, keeps its bounds and obeys the stop word.
 */
import {
  rewriteModule,
  START_EXPORT,
  STOP_EXPORT,
} from "../../../src/runtime/wasm/rewrite/rewrite-module.ts";

declare const self: Worker;

export interface MutantJob {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly memoryBytes: number;
}

/** `running`: the stop word, before anything runs. `done`: the largest memory seen, or a defect. */
export type MutantReport =
  | { readonly t: "running"; readonly stop: Int32Array }
  | { readonly t: "done"; readonly defect: string | null };

const tell = (report: MutantReport) => self.postMessage(report);

self.onmessage = ({ data }: MessageEvent<MutantJob>) => tell({ t: "done", defect: defectOf(data) });

function defectOf({ bytes, memoryBytes }: MutantJob): string | null {
  let rewritten: Uint8Array<ArrayBuffer>;
  try {
    rewritten = rewriteModule(bytes, { memoryBytes, tableElements: 64 });
  } catch (error) {
    const isRefusal = (error as { code?: string }).code === "invalid_function";
    return isRefusal ? null : `the rewriter threw ${String(error)}`;
  }
  if (!WebAssembly.validate(rewritten)) return "the rewritten module does not validate";
  const module = new WebAssembly.Module(rewritten);
  const exports = instantiate(module);
  if (!exports) return null;
  tell({ t: "running", stop: new Int32Array((exports[STOP_EXPORT] as WebAssembly.Memory).buffer) });
  callAll(exports);
  const memory = exports["memory"];
  const isOver = memory instanceof WebAssembly.Memory && memory.buffer.byteLength > memoryBytes;
  return isOver ? `its memory grew to ${memory.buffer.byteLength} bytes` : null;
}

/** Null when it cannot be: imports that do not fit, segments outside. */
function instantiate(module: WebAssembly.Module): WebAssembly.Exports | null {
  const imports: Record<string, Record<string, unknown>> = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    imports[from] ??= {};
    imports[from][name] = () => 0n;
  }
  try {
    return new WebAssembly.Instance(module, imports as WebAssembly.Imports).exports;
  } catch {
    return null;
  }
}

function callAll(exports: WebAssembly.Exports): void {
  const start = exports[START_EXPORT];
  for (const run of [start, ...Object.values(exports)]) {
    if (typeof run !== "function") continue;
    try {
      (run as (...args: unknown[]) => unknown)(...Array(run.length).fill(0));
    } catch {
      // Traps and what JavaScript does not convert: as good an end as any.
    }
  }
}
