/**
 * Bundles functions for `dev`, and again only those of which something has changed: a project with fifty
 * functions is reloaded as fast as one with two.
 */
import { readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { systemClock } from "../shared/clock.ts";
import { bundleFunction, type FunctionBundle } from "./bundle.ts";

/** A file changed so shortly before it was read may have changed again under the same time of change. */
const SETTLED_MS = 10;
/** What decides how imports are resolved, beside the files that there are. */
const SETTINGS = ["tsconfig.json", "package.json"];

interface Kept {
  readonly bundle: FunctionBundle;
  /** Files and folders, each with what it was like. */
  readonly marks: ReadonlyMap<string, string>;
}

/** @param projectDir absolute; in the folders below it a new file may stand for what was another. */
export function createBundler(projectDir: string): (entry: string) => Promise<FunctionBundle> {
  const kept = new Map<string, Kept>();
  return async (entry) => {
    const known = kept.get(entry);
    if (known && [...known.marks].every(([path, mark]) => markOf(path).mark === mark)) {
      return known.bundle;
    }
    kept.delete(entry);
    const startedAt = systemClock.now();
    const bundle = await bundleFunction(entry);
    const marks = new Map<string, string>();
    let newestMs = 0;
    for (const path of placesOf(bundle.inputs, projectDir)) {
      const { mark, changedMs } = markOf(path);
      marks.set(path, mark);
      newestMs = Math.max(newestMs, changedMs);
    }
    if (newestMs < startedAt - SETTLED_MS) kept.set(entry, { bundle, marks });
    return bundle;
  };
}

/** The files, the project's folders above them, and the settings there. */
function placesOf(inputs: readonly string[], projectDir: string): Set<string> {
  const places = new Set(inputs);
  const folders = new Set<string>();
  for (const input of inputs) {
    if (input.includes("/node_modules/")) continue;
    for (let at = dirname(input); isWithin(at, projectDir); at = dirname(at)) folders.add(at);
  }
  for (const folder of folders) {
    places.add(folder);
    for (const name of SETTINGS) places.add(join(folder, name));
  }
  return places;
}

const isWithin = (path: string, folder: string) => path === folder || path.startsWith(`${folder}/`);

/** Of a folder its names, of a file its time of change, which counts; "" for what is not there. */
function markOf(path: string): { readonly mark: string; readonly changedMs: number } {
  try {
    const stat = statSync(path);
    if (stat.isDirectory()) return { mark: readdirSync(path).sort().join("/"), changedMs: 0 };
    const { ino, size, mtimeMs, ctimeMs } = stat;
    return { mark: `${ino} ${size} ${mtimeMs} ${ctimeMs}`, changedMs: Math.max(mtimeMs, ctimeMs) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return { mark: "", changedMs: 0 };
  }
}
