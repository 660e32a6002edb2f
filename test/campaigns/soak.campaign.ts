/**
 * `bun run campaign soak [--seconds 600] [--deploy-every 5] [--seed N]`: functions under load while they
 * are deployed, crash and overrun. Ends with 1 for a wrong answer, a process left, or memory that grows.
 */
import { parseArgs } from "node:util";
import { install } from "../support/executable.ts";
import { soakFunctions } from "../support/function-soak.ts";

const SLOPE_MAX_MIB = 1;

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "600" },
    "deploy-every": { type: "string", default: "5" },
    seed: { type: "string", default: "1" },
  },
});

const installation = await install();
try {
  const report = await soakFunctions({
    installation,
    seconds: Number(values.seconds),
    deployEverySeconds: Number(values["deploy-every"]),
    seed: Number(values.seed),
    onProgress: (line) => console.log(line),
  });
  for (const [name, count] of Object.entries(report.calls)) console.log(`  ${name}: ${count}`);
  for (const fault of report.faults) console.log(fault);
  for (const command of report.left) console.log(`left: ${command}`);
  const slope = report.slopeMibPerMinute.toFixed(2);
  console.log(
    `${report.deploys} deploys, ${report.faultCount} wrong answers, ${report.left.length} processes left, ${report.lastRssMib.toFixed(0)} MiB at the end, ${slope} MiB a minute`,
  );
  const isGood =
    report.faultCount === 0 &&
    report.left.length === 0 &&
    report.slopeMibPerMinute <= SLOPE_MAX_MIB;
  process.exitCode = isGood ? 0 : 1;
} finally {
  installation.remove();
}
