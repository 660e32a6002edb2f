/**
 * Random filter trees over random tables against a plain evaluator:
 * `bun run campaign filters [--tables 250] [--filters 40] [--seed …]`. The default is 10,000 filters.
 */
import { parseArgs } from "node:util";
import { checkFilters } from "../conformance/data/properties/check-filters.ts";

const { values } = parseArgs({
  options: {
    tables: { type: "string", default: "250" },
    filters: { type: "string", default: "40" },
    seed: { type: "string", default: String(Date.now() % 1_000_000_000) },
  },
});

console.log(`seed ${values.seed}`);
const checked = await checkFilters({
  tables: Number(values.tables),
  filtersPerTable: Number(values.filters),
  seed: Number(values.seed),
  onProgress: (count) => {
    if (count % 1_000 === 0) console.log(`${count} filters`);
  },
});
console.log(`${checked} filters answered as the model says`);
process.exit(0);
