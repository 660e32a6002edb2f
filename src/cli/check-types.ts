/**
 * Types of functions, checked with the project's own TypeScript before a deploy. Where the project
 * has none, or no tsconfig.json, nothing is checked: a bundle needs no types.
 */
import { existsSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { isPart, type ProjectFunction } from "../core/functions-project.ts";
import { CliError } from "./cli-error.ts";

const FAULT = /^(.+?)\((\d+),(\d+)\): error (TS\d+): (.*)$/;
/** The server gives this module; its types are not in the project. */
const OWN_MODULE = /^Cannot find module 'reactor'/;
const FAULTS_SHOWN = 10;

/**
 * @param functions those to be deployed
 * @param all of the project
 * @throws CliError `type_error` with file, line and column of each fault in functions
 */
export async function checkTypes(
  projectDir: string,
  functions: readonly ProjectFunction[],
  all: readonly ProjectFunction[],
): Promise<void> {
  const compiler = join(projectDir, "node_modules/.bin/tsc");
  const hasSource = functions.some(({ path }) => !isPart(path));
  if (!hasSource || !existsSync(compiler) || !existsSync(join(projectDir, "tsconfig.json"))) return;
  const child = Bun.spawn([compiler, "--noEmit", "--pretty", "false", "-p", "tsconfig.json"], {
    cwd: projectDir,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
  });
  const text = await new Response(child.stdout).text();
  await child.exited;
  const faults = faultsIn(text, projectDir, functions, all);
  if (faults.length === 0) return;
  const shown = faults.slice(0, FAULTS_SHOWN).join("\n");
  const more = faults.length > FAULTS_SHOWN ? `\nand ${faults.length - FAULTS_SHOWN} more` : "";
  throw new CliError(
    "validation",
    "type_error",
    `Types do not fit:\n${shown}${more}`,
    "Correct them, or deploy with --no-check",
  );
}

/**
 * Those of the functions' own files and of what lies beside them for all; what is wrong elsewhere, or
 * in another function, is not this deploy's matter.
 */
export function faultsIn(
  text: string,
  projectDir: string,
  functions: readonly ProjectFunction[],
  all: readonly ProjectFunction[],
): string[] {
  const folder = join(projectDir, "functions/");
  const entries = new Set(functions.map(({ path }) => path));
  const others = all.filter(({ path }) => !entries.has(path)).map(({ path }) => path);
  const isOfAnother = (file: string) =>
    others.some((path) => file === path || isInFolderOf(file, path, folder));
  return text.split(/\r?\n/).flatMap((line) => {
    const [, file, row, column, code, message = ""] = FAULT.exec(line) ?? [];
    if (file === undefined || OWN_MODULE.test(message)) return [];
    const path = resolve(projectDir, file);
    if (isOfAnother(path) || (!path.startsWith(folder) && !entries.has(path))) return [];
    return [`  ${relative(projectDir, path)}:${row}:${column}: ${message} (${code})`];
  });
}

/** `functions/pay/index.ts` has `functions/pay/` to itself, `functions/pay.ts` has not `functions/`. */
function isInFolderOf(file: string, entry: string, folder: string): boolean {
  const own = `${dirname(entry)}/`;
  return own !== folder && own.startsWith(folder) && file.startsWith(own);
}
