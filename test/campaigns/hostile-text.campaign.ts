/**
 * `bun run campaign hostile-text [--runs 100000]`: hostile texts in every position of a data request.
 * Ends with 1 when one of them changes what the SQL means.
 */
import { parseArgs } from "node:util";
import { positions } from "../../src/capabilities/data/compile/hostile-text.fixture.ts";

const { values } = parseArgs({ options: { runs: { type: "string", default: "100000" } } });
const runs = Number(values.runs);
let failed = 0;
for (const [name, run] of positions) {
  try {
    run(runs);
    console.log(`${name}: ${runs} texts`);
  } catch (error) {
    failed += 1;
    console.log(`${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
console.log(`${positions.length} positions, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
