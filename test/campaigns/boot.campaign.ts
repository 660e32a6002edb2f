/**
 * How long a boot takes and how much memory the idle server holds: `bun run campaign boot [--runs 5]`.
 * Times are from the start of the process to the `ready` line, of a project of `reactor init`. As an
 * ordinary user, so that the first boot also unpacks the program files (each run has a new HOME);
 * "warm" has them already, as the second project on a machine has.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  install,
  ordinaryUser,
  runExecutable,
  startExecutable,
  testUsers,
} from "../support/executable.ts";
import { processTree, proportionalBytes } from "../support/process-tree.ts";

const IDLE_MS = 10_000;

const { values } = parseArgs({ options: { runs: { type: "string", default: "5" } } });
const user = testUsers.at(-1) ?? ordinaryUser;
const installation = await install();
const { program } = installation;

/** One boot; what `after` finds out of the running server. */
async function bootOnce<T>(cwd: string, home: string, after: (pid: number) => Promise<T>) {
  const args = ["serve", "--port", "0"];
  const env = { HOME: home };
  const server = await startExecutable({ program, cwd, args, env, user });
  const found = await after(server.pid);
  await server.stop();
  return { ms: server.readyMs, line: server.readyLine, found };
}

async function newProject(): Promise<string> {
  const folder = installation.folder(user);
  await runExecutable({ program, cwd: folder, args: ["init", "shop"], user });
  return join(folder, "shop");
}

function median(values: readonly number[]): number {
  return Math.round([...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0);
}

const nothing = () => Promise.resolve();

async function memoryAfterIdling(pid: number) {
  await Bun.sleep(IDLE_MS);
  const tree = processTree(pid);
  const rows = tree.map((seen) => ({ seen, bytes: proportionalBytes([seen.pid]) }));
  for (const { seen, bytes } of rows.sort((a, b) => b.bytes - a.bytes)) {
    console.log(`  ${(bytes / 1e6).toFixed(1).padStart(6)} MB  ${seen.command.slice(0, 90)}`);
  }
  return rows.reduce((sum, { bytes }) => sum + bytes, 0);
}

try {
  const runs = Number(values.runs);
  const times = { cold: [] as number[], warm: [] as number[], second: [] as number[] };
  for (let run = 0; run < runs; run++) {
    const shop = await newProject();
    const home = installation.folder(user);
    const cold = await bootOnce(shop, home, nothing);
    const second = await bootOnce(shop, home, nothing);
    const warm = await bootOnce(await newProject(), home, nothing);
    times.cold.push(cold.ms);
    times.warm.push(warm.ms);
    times.second.push(second.ms);
    console.log(`${cold.line}\n${warm.line}\n${second.line}`);
  }
  console.log(`load ${readFileSync("/proc/loadavg", "utf8").trim()}`);
  for (const [name, found] of Object.entries(times)) {
    const all = found.map((ms) => Math.round(ms)).join(" ");
    console.log(`${name.padEnd(6)} median ${median(found)} ms of ${runs} (${all})`);
  }
  const shop = await newProject();
  const { found } = await bootOnce(shop, installation.folder(user), memoryAfterIdling);
  console.log(
    `idle   ${(found / 1e6).toFixed(1)} MB PSS, whole tree, ${IDLE_MS / 1000} s after ready`,
  );
} finally {
  installation.remove();
}
