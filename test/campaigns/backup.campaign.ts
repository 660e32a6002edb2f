/**
 * `bun run campaign backup [--rounds 10]`: takes backups while rows are written, restores each into a
 * folder of its own, starts a server on it and compares it with what had been acknowledged. Ends with
 * 1 when a row is missing or half of a transaction is there.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { install, runExecutable, startExecutable } from "../support/executable.ts";
import { JournalLoad, journalFaults, makeJournalProject, readJournal } from "../support/journal.ts";

const ROWS_BETWEEN = 500;

const { values } = parseArgs({ options: { rounds: { type: "string", default: "10" } } });
const installation = await install();
const { program } = installation;
const folder = installation.folder();
const project = join(folder, "shop");

async function reactor(...args: string[]): Promise<void> {
  const { code, stdout, stderr } = await runExecutable({ program, cwd: folder, args });
  if (code !== 0) throw new Error(`reactor ${args.join(" ")}: ${code} ${stdout}${stderr}`);
}

/** What is wrong with a server on the backup. */
async function restored(file: string, before: ReadonlySet<string>, sent: ReadonlySet<string>) {
  const dataDir = `${file}.data`;
  await reactor("restore", file, "--data-dir", dataDir);
  const args = ["serve", "--port", "0", "--data-dir", dataDir];
  const server = await startExecutable({ program, cwd: folder, args });
  const found = await readJournal(server.status.database_url);
  await server.stop();
  return { rows: found.entries.size, faults: journalFaults(found, before, sent) };
}

try {
  await reactor("init", "shop");
  makeJournalProject(project);
  const server = await startExecutable({ program, cwd: project, args: ["serve", "--port", "0"] });
  const load = new JournalLoad(server);
  let wrong = 0;
  for (let round = 1; round <= Number(values.rounds); round++) {
    await load.reached(load.count + ROWS_BETWEEN);
    const before = load.acknowledged();
    const file = join(folder, `${round}.backup`);
    const from = performance.now();
    await reactor("backup", file, "--data-dir", server.dataDir);
    const ms = Math.round(performance.now() - from);
    const { rows, faults } = await restored(file, before, load.sent());
    wrong += faults.length;
    const size = (statSync(file).size / 1e6).toFixed(1);
    console.log(
      `${round}  ${before.size} acknowledged before, ${rows} restored, ${size} MB in ${ms} ms`,
    );
    for (const fault of faults) console.log(`   ${fault}`);
  }
  await load.stop();
  await server.stop();
  console.log(wrong === 0 ? "every backup is consistent" : `${wrong} faults`);
  process.exitCode = wrong === 0 ? 0 : 1;
} finally {
  installation.remove();
}
