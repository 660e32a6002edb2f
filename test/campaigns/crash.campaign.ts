/**
 * `bun run campaign crash [--rounds 100] [--rows 150] [--seed N] [--plant sync-off|early-ack]`: kills
 * the processes of a server in turn while rows are written. Ends with 1 when an acknowledged row was
 * lost, a start took over 5 s, or a process stayed behind; with a plant, exit code 1 is what is wanted.
 */
import { parseArgs } from "node:util";
import { type CrashReport, type CrashRound, crashLoop, type Plant } from "../support/crash-loop.ts";
import { install } from "../support/executable.ts";

const READY_BUDGET_MS = 5_000;
/** A start slower than this is shown with its steps. */
const TELLING_MS = 1_000;

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "100" },
    rows: { type: "string", default: "150" },
    seed: { type: "string", default: "1" },
    plant: { type: "string" },
  },
});

function plantOf(text: string | undefined): Plant | null {
  if (text === undefined || text === "sync-off" || text === "early-ack") return text ?? null;
  throw new Error("--plant is sync-off or early-ack");
}

function tell({ number, victim, readyMs, boot, orphans }: CrashRound): void {
  const ready = `${Math.round(readyMs)} ms`.padStart(8);
  const steps = readyMs > TELLING_MS ? (boot ?? "") : "";
  const line = [String(number + 1).padStart(4), victim.padEnd(10), ready, steps, ...orphans];
  console.log(line.join("  ").trimEnd());
}

function summarize({ rounds, acknowledged, faults, answers }: CrashReport): boolean {
  for (const [victim, group] of Map.groupBy(rounds, (round) => round.victim)) {
    const times = group.map(({ readyMs }) => Math.round(readyMs)).sort((a, b) => a - b);
    const median = times[Math.floor(times.length / 2)];
    console.log(
      `${victim.padEnd(10)} ${times.length} times, ready after ${median} ms (median), ${times.at(-1)} ms (most)`,
    );
  }
  const late = rounds.filter(({ readyMs }) => readyMs > READY_BUDGET_MS).length;
  const orphans = rounds.flatMap((round) => round.orphans);
  console.log(`answers by status (0: no connection): ${JSON.stringify(answers)}`);
  console.log(
    `${acknowledged} rows acknowledged; ${orphans.length} orphans; ${late} starts over ${READY_BUDGET_MS} ms`,
  );
  console.log(faults.length === 0 ? "0 lost, 0 in part" : faults.join("\n"));
  return faults.length === 0 && late === 0 && orphans.length === 0;
}

const installation = await install();
try {
  const report = await crashLoop({
    program: installation.program,
    folder: installation.folder(),
    rounds: Number(values.rounds),
    rowsPerRound: Number(values.rows),
    seed: Number(values.seed),
    plant: plantOf(values.plant),
    onRound: tell,
  });
  process.exitCode = summarize(report) ? 0 : 1;
} finally {
  installation.remove();
}
