/**
 * How this program starts itself in another role (`__pg-shim`, `__fn-runner`, `__wasm-host`):
 * the compiled executable is its own interpreter, from source Bun needs the entry file.
 */
import { resolve } from "node:path";

const SOURCE_ENTRY = resolve(import.meta.dir, "../main.ts");

/** argv that runs this same program with `args`. A role's name starts with `__`. */
export function selfCommand(...args: readonly string[]): string[] {
  return Bun.isStandaloneExecutable
    ? [process.execPath, ...args]
    : [process.execPath, SOURCE_ENTRY, ...args];
}

/** Folders that this program reads its own code from; none when it is compiled. */
export function selfSources(): string[] {
  return Bun.isStandaloneExecutable ? [] : [resolve(import.meta.dir, "../..")];
}
