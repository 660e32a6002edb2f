/**
 * `bun run campaign realtime [--subscribers 2000] [--policies 50] [--rounds 4] [--changes 2000]
 * [--writers 8] [--slow 0.1] [--seed N] [--plant open-policies|deaf]`: two servers on one database are
 * killed in turn under writers and readers, some of them slow. Ends with 1 when a change was silently
 * missed or a row was shown to somebody who may not see it; with a plant, exit code 1 is what is wanted.
 */
import { parseArgs } from "node:util";
import { type RealtimePlant, realtimeLoad } from "../support/realtime-load.ts";

const { values } = parseArgs({
  options: {
    subscribers: { type: "string", default: "2000" },
    policies: { type: "string", default: "50" },
    rounds: { type: "string", default: "4" },
    changes: { type: "string", default: "2000" },
    writers: { type: "string", default: "8" },
    slow: { type: "string", default: "0.1" },
    seed: { type: "string", default: "1" },
    plant: { type: "string" },
  },
});

function plantOf(text: string | undefined): RealtimePlant | null {
  if (text === undefined || text === "open-policies" || text === "deaf") return text ?? null;
  throw new Error("--plant is open-policies or deaf");
}

const { faults, ...counts } = await realtimeLoad({
  subscribers: Number(values.subscribers),
  policies: Number(values.policies),
  rounds: Number(values.rounds),
  changesPerRound: Number(values.changes),
  writers: Number(values.writers),
  slowShare: Number(values.slow),
  seed: Number(values.seed),
  plant: plantOf(values.plant),
  onRound: (text) => console.log(text),
});
console.log(JSON.stringify(counts));
for (const fault of faults.slice(0, 20)) console.log(fault);
console.log(faults.length === 0 ? "0 silent gaps, 0 forbidden rows" : `${faults.length} faults`);
process.exit(faults.length === 0 ? 0 : 1);
