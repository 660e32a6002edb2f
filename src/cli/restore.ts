/** `reactor restore`: makes a data folder from a backup. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { CliError } from "./cli-error.ts";
import type { Command } from "./command.ts";
import { table } from "./output.ts";

export const command: Command = {
  name: "restore",
  summary: "Restore a backup into an empty data folder",
  usage: "[options] FILE --data-dir DIR",
  details: "The backup is verified before and after. No server may run on the folder.",
  options: { "data-dir": { value: "DIR", description: "Data folder to make; absent or empty" } },
  args: [1, 1],
  examples: [
    { run: "reactor restore prod.backup --data-dir .reactor", what: "then: reactor serve" },
  ],
  async run({ host, out, args, option }) {
    const file = resolve(host.cwd, args[0] ?? "");
    const given = option("data-dir");
    if (given === undefined) {
      throw new CliError("user", "missing_value", "--data-dir DIR is needed");
    }
    const dataDir = resolve(host.cwd, given);
    if (!statSync(file, { throwIfNoEntry: false })?.isFile()) {
      throw new CliError("user", "file_not_found", `There is no file ${file}`);
    }
    if (existsSync(dataDir) && readdirSync(dataDir).length > 0) {
      const hint = "Choose a new folder; a restore never writes over data";
      throw new CliError("user", "data_dir_not_empty", `${dataDir} is not empty`, hint);
    }
    const progress = out.progress("Restoring");
    try {
      const facts = await host.restore({ file, dataDir, onStep: (text) => progress.update(text) });
      progress.end();
      const rows = Object.entries(facts).map(([name, value]) => [name, factText(value)]);
      out.result({ data_dir: dataDir, ...facts }, () => table([["data_dir", dataDir], ...rows]));
      return 0;
    } finally {
      progress.end();
    }
  },
};

function factText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
