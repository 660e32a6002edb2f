/**
 * Hostile text in every position of a request, up to the statement that the database would get:
 * `bun run campaign hostile-requests [--runs 100000] [--seed …]`.
 */
import { parseArgs } from "node:util";
import {
  checkPosition,
  openHostileTrap,
  positions,
} from "../conformance/data/properties/hostile-requests.ts";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "100000" },
    seed: { type: "string", default: String(Date.now() % 1_000_000_000) },
  },
});

console.log(`seed ${values.seed}`);
const trap = await openHostileTrap();
let failed = 0;
for (const position of positions) {
  try {
    await checkPosition(trap, position, Number(values.runs), Number(values.seed));
    console.log(`${position.name}: ${values.runs} texts`);
  } catch (error) {
    failed += 1;
    console.log(`${position.name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
console.log(`${positions.length} positions, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
