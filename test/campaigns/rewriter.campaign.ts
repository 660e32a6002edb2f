/**
 * `bun run campaign rewriter [--modules 50000] [--mutants 50000] [--seed 1]`: generated modules, whose
 * results and memory must be the same before and after rewriting, and damaged ones, which must keep their
 * bounds and stop when they are told. Ends with 1 at the first faults.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type FuzzReport, fuzzGenerated, fuzzMutants } from "../support/wasm/fuzz-rewriter.ts";

const ROOT = join(import.meta.dir, "../..");
const REAL = [
  "functions/slugify/slugify.wasm",
  "examples/chinook/functions/catalog-search/catalog-search.wasm",
  "test/fixtures/project/functions/bytes-tool/bytes-tool.wasm",
];

const { values } = parseArgs({
  options: {
    modules: { type: "string", default: "50000" },
    mutants: { type: "string", default: "50000" },
    seed: { type: "string", default: "1" },
  },
});
const seed = Number(values.seed);

function tell(what: string, { counted, tried, faults }: FuzzReport): boolean {
  console.log(`${what}: ${counted} of ${tried} were valid, ${faults.length} faults`);
  for (const fault of faults) console.log(`  ${fault}`);
  return faults.length === 0;
}

const progress = (done: number) => process.stderr.write(`\r${done} `);
const real = REAL.map((path) => new Uint8Array(readFileSync(join(ROOT, path))));
const generated = fuzzGenerated(seed, Number(values.modules), progress);
const mutants = await fuzzMutants(seed, Number(values.mutants), real, progress);
process.stderr.write("\r");
const isGood = [tell("generated", generated), tell("mutants", mutants)].every(Boolean);
process.exit(isGood ? 0 : 1);
