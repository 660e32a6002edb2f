/** The rewriter against modules that nobody wrote: the campaign runs many, the tests a sample. */
import { createSeededRng } from "../seeded-rng.ts";
import { compareModules } from "./compare-modules.ts";
import { generateModule } from "./module-generator.ts";
import { createMutantRunner } from "./mutant-runner.ts";
import { mutateModule } from "./mutate-module.ts";

export interface FuzzReport {
  /** Modules that were valid and therefore counted. */
  readonly counted: number;
  readonly tried: number;
  /** `seed N: what`, at most a few. */
  readonly faults: readonly string[];
}

const FAULTS_SHOWN = 10;

/** Generated modules: original and rewritten must show the same. */
export function fuzzGenerated(
  first: number,
  count: number,
  onProgress: (done: number) => void = () => undefined,
): FuzzReport {
  const faults: string[] = [];
  let counted = 0;
  for (let n = 0; n < count && faults.length < FAULTS_SHOWN; n += 1) {
    const rng = createSeededRng(first + n);
    const result = compareModules(generateModule(rng), rng);
    if (result !== "invalid") counted += 1;
    if (typeof result === "object") faults.push(`seed ${first + n}: ${JSON.stringify(result)}`);
    if (n % 1_000 === 999) onProgress(n + 1);
  }
  return { counted, tried: count, faults };
}

/** Damaged real and generated modules, until `count` of them were valid. */
export async function fuzzMutants(
  first: number,
  count: number,
  real: readonly Uint8Array<ArrayBuffer>[],
  onProgress: (done: number) => void = () => undefined,
): Promise<FuzzReport> {
  const runner = createMutantRunner();
  const faults: string[] = [];
  let [counted, seed] = [0, first];
  for (; counted < count && faults.length < FAULTS_SHOWN; seed += 1) {
    const rng = createSeededRng(seed);
    const source = rng.below(4) > 0 ? rng.pick(real) : generateModule(rng).bytes;
    const bytes = mutateModule(source, rng);
    if (!WebAssembly.validate(bytes)) continue;
    counted += 1;
    const defect = await runner.run({ bytes, memoryBytes: 32 * 65_536 });
    if (defect !== null) faults.push(`seed ${seed}: ${defect}`);
    if (counted % 1_000 === 0) onProgress(counted);
  }
  runner.close();
  return { counted, tried: seed - first, faults };
}
