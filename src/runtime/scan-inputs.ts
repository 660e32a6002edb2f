/**
 * The files that a bundle would be made of, found without making it: for when it cannot be made, and
 * the fault may lie in any of them. Packages are left out.
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, extname, resolve } from "node:path";

const LOADERS = { ".ts": "ts", ".tsx": "tsx", ".mts": "ts", ".jsx": "jsx" } as const;
/** What an import without an ending may mean, in the order in which it is looked for. */
const ENDINGS = ["", ".tsx", ".ts", ".mts", ".jsx", ".js", ".mjs", "/index.ts", "/index.js"];
const FILES_MAX = 1_000;

/** Absolute; with where a file is expected that is not there yet. */
export function scanInputs(entry: string): string[] {
  const found = new Set([entry]);
  // A set gives what is added while it is gone through.
  for (const file of found) {
    if (found.size > FILES_MAX) break;
    for (const name of importsOf(file)) {
      if (!name.startsWith(".")) continue;
      const path = resolve(dirname(file), name);
      found.add(ENDINGS.map((end) => path + end).find(isFile) ?? withEnding(path));
    }
  }
  return [...found];
}

/** None of a file that cannot be read as a program. */
function importsOf(file: string): string[] {
  try {
    const loader = LOADERS[extname(file) as keyof typeof LOADERS] ?? "js";
    const scanner = new Bun.Transpiler({ loader });
    return scanner.scanImports(readFileSync(file, "utf8")).map(({ path }) => path);
  } catch {
    return [];
  }
}

const isFile = (path: string) => existsSync(path) && statSync(path).isFile();

const withEnding = (path: string) => (extname(path) === "" ? `${path}.ts` : path);
