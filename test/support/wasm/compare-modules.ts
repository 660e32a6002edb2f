/** Whether a rewritten module means what the original means, by running both. */
import { rewriteModule, START_EXPORT } from "../../../src/runtime/wasm/rewrite/rewrite-module.ts";
import type { SeededRng } from "../seeded-rng.ts";
import { F32, F64, I64 } from "./encode.ts";
import type { GeneratedModule } from "./module-generator.ts";

/** More than any generated module declares, so that both have the same bounds. */
const LIMITS = { memoryBytes: 16 * 65_536, tableElements: 64 };

/** What a run shows: a result or a kind of error for each call, then the memory. */
type Trace = readonly string[];

export type Compared = "same" | "invalid" | { readonly original: Trace; readonly rewritten: Trace };

export function compareModules(generated: GeneratedModule, rng: SeededRng): Compared {
  if (!WebAssembly.validate(generated.bytes)) return "invalid";
  const inputs = generated.functions.map(({ parameters }) =>
    parameters.map((type) => argumentOf(type, rng)),
  );
  const rewritten = rewriteModule(generated.bytes, LIMITS);
  const traces = {
    original: trace(generated.bytes, generated, inputs),
    rewritten: trace(rewritten, generated, inputs),
  };
  const isSame = Bun.deepEquals(traces.original, traces.rewritten);
  return isSame ? "same" : traces;
}

function argumentOf(type: number, rng: SeededRng): number | bigint {
  if (type === I64) return BigInt.asIntN(64, BigInt(rng.below(2 ** 31)) << BigInt(rng.below(33)));
  if (type === F32 || type === F64) return rng.pick([0, -0, 1.5, -3e9, Number.NaN, rng.float()]);
  return rng.below(2 ** 32) | 0;
}

function trace(
  bytes: Uint8Array<ArrayBuffer>,
  { functions }: GeneratedModule,
  inputs: readonly (readonly (number | bigint)[])[],
): Trace {
  let exports: WebAssembly.Exports;
  try {
    ({ exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes)));
    const start = exports[START_EXPORT];
    if (typeof start === "function") start();
  } catch (error) {
    return [kindOf(error)];
  }
  const lines = functions.map(({ name }, n) => {
    try {
      const run = exports[name] as (...args: readonly (number | bigint)[]) => unknown;
      return `${name} ${String(run(...(inputs[n] ?? [])))}`;
    } catch (error) {
      return `${name} ${kindOf(error)}`;
    }
  });
  const memory = exports["memory"] as WebAssembly.Memory;
  return [...lines, `${memory.buffer.byteLength} ${Bun.hash(new Uint8Array(memory.buffer))}`];
}

/** A trap's words are the engine's; two traps at one place are the same kind. */
function kindOf(error: unknown): string {
  return (error as Error).constructor.name;
}
