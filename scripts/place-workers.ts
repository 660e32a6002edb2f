/**
 * Workers in the executable. Bun embeds a worker only when it is an entry point of its own, and then it
 * lies where it does in the source, while the module that starts it is in the one file of the program
 * and knows no place. So each address is written out when the executable is built.
 */
import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import type { BunPlugin } from "bun";
import { REPOSITORY } from "./postgres/npm-package.ts";

const WORKER = /new URL\("(\.[^"]+-worker)\.ts", import\.meta\.url\)/g;
/** Where Bun keeps what is embedded. */
const EMBEDDED = "file:///$bunfs/root";

/** Modules that start workers, with the workers' files; all absolute. */
export function findWorkers(): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const name of new Bun.Glob("src/**/*.ts").scanSync({ cwd: REPOSITORY })) {
    const path = join(REPOSITORY, name);
    if (name.endsWith(".test.ts")) continue;
    const workers = [...readFileSync(path, "utf8").matchAll(WORKER)];
    const files = workers.map(([, worker = ""]) => join(dirname(path), `${worker}.ts`));
    if (files.length > 0) found.set(path, files);
  }
  return found;
}

export function placeWorkers(starters: Iterable<string>): BunPlugin {
  const paths = new Set(starters);
  return {
    name: "place-workers",
    setup(build) {
      build.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        if (!paths.has(path)) return undefined;
        const folder = `${EMBEDDED}/${relative(REPOSITORY, dirname(path))}/`;
        const contents = readFileSync(path, "utf8").replace(
          WORKER,
          (_, worker: string) => `new URL("${worker}.js", "${folder}")`,
        );
        return { contents, loader: "ts" };
      });
    },
  };
}
