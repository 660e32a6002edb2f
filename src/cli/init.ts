/** `reactor init`: makes a project that runs as it stands. */
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { CliError } from "./cli-error.ts";
import type { Command } from "./command.ts";
import { projectFiles } from "./init-files.ts";

/** What a folder may hold and still count as empty. */
const HARMLESS = new Set([".git", ".DS_Store", ".reactor"]);

export const command: Command = {
  name: "init",
  summary: "Make a project: settings, a table with row security, a function",
  usage: "[options] [DIR]",
  options: { force: { description: "Write into a folder that is not empty; existing files stay" } },
  args: [0, 1],
  examples: [
    { run: "reactor init shop && cd shop && reactor dev", what: "a new folder" },
    { run: "reactor init", what: "this folder" },
  ],
  async run({ host, out, args, has }) {
    const dir = resolve(host.cwd, args[0] ?? ".");
    checkFolder(dir, has("force"));
    const files = projectFiles(basename(dir));
    const written = Object.entries(files).filter(([path, text]) => write(join(dir, path), text));
    const paths = written.map(([path]) => path);
    const here = relative(host.cwd, dir);
    const next = here === "" ? ["reactor dev"] : [`cd ${here}`, "reactor dev"];
    const text = () =>
      [
        `Made ${dir}`,
        ...paths.map((path) => `  ${path}`),
        "",
        "Next:",
        ...next.map((line) => `  ${out.paint("cyan", line)}`),
      ].join("\n");
    out.result({ project: dir, files: paths, next }, text);
    return 0;
  },
};

function checkFolder(dir: string, isForced: boolean): void {
  if (!existsSync(dir)) return;
  if (!statSync(dir).isDirectory()) {
    throw new CliError("user", "not_a_folder", `${dir} is not a folder`);
  }
  const held = readdirSync(dir).filter((name) => !HARMLESS.has(name));
  if (held.length === 0 || isForced) return;
  throw new CliError(
    "user",
    "folder_not_empty",
    `${dir} is not empty (it holds ${held[0] ?? ""}${held.length > 1 ? ` and ${held.length - 1} more` : ""})`,
    "Choose a new folder, or add what is missing with --force",
  );
}

/** False when the file is there already. */
function write(path: string, text: string): boolean {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, { flag: "wx" });
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return false;
    throw new CliError("user", "file_unwritable", `${path} cannot be written (${code ?? "error"})`);
  }
}
