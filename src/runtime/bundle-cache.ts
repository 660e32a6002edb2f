/**
 * Bundles functions for `dev`, and again only those of which something has changed: a project with fifty
 * functions is reloaded as fast as one with two.
 */
import { readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { systemClock } from "../shared/clock.ts";
import { bundleFunction, type FunctionBundle } from "./bundle.ts";
import { scanInputs } from "./scan-inputs.ts";

/** A file changed so shortly before it was read may have changed again under the same time of change. */
const SETTLED_MS = 10;
/**
 * Of folders: a build that begins as another ends may see the names that the other saw (Bun's thread
 * counts on before it looks again, which takes it a while on a busy machine).
 */
const FOLDER_SETTLED_MS = 1_000;
/** What decides how imports are resolved, beside the files that there are. */
const SETTINGS = ["tsconfig.json", "package.json"];

interface Kept {
  readonly bundle: FunctionBundle;
  /** Files and folders, each with what it was like. */
  readonly marks: ReadonlyMap<string, string>;
}

export interface Bundler {
  bundle(entry: string): Promise<FunctionBundle>;
  /** That went into what was bundled last, or would have; absolute. */
  files(): Set<string>;
}

/** @param projectDir absolute; in the folders below it a new file may stand for what was another. */
export function createBundler(projectDir: string): Bundler {
  const kept = new Map<string, Kept>();
  const inputs = new Map<string, readonly string[]>();
  const bundle = async (entry: string) => {
    const known = kept.get(entry);
    if (known && [...known.marks].every(([path, mark]) => markOf(path).mark === mark)) {
      return known.bundle;
    }
    kept.delete(entry);
    const startedAt = systemClock.now();
    const bundled = await bundleFunction(entry).catch((error: unknown) => {
      inputs.set(entry, scanInputs(entry));
      throw error;
    });
    inputs.set(entry, bundled.inputs);
    const marks = new Map<string, string>();
    let settledAt = 0;
    for (const path of placesOf(bundled.inputs, projectDir)) {
      const { mark, settledMs } = markOf(path);
      marks.set(path, mark);
      settledAt = Math.max(settledAt, settledMs);
    }
    if (settledAt < startedAt) kept.set(entry, { bundle: bundled, marks });
    return bundled;
  };
  return { bundle, files: () => new Set([...inputs.values()].flat()) };
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

/**
 * Of a folder its names, of a file its time of change, "" for what is not there; and from when a bundle
 * is sure to have seen it as it is.
 */
function markOf(path: string): { readonly mark: string; readonly settledMs: number } {
  try {
    const stat = statSync(path);
    const { ino, size, mtimeMs, ctimeMs } = stat;
    if (stat.isDirectory()) {
      return { mark: readdirSync(path).sort().join("/"), settledMs: mtimeMs + FOLDER_SETTLED_MS };
    }
    const changedMs = Math.max(mtimeMs, ctimeMs);
    return { mark: `${ino} ${size} ${mtimeMs} ${ctimeMs}`, settledMs: changedMs + SETTLED_MS };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return { mark: "", settledMs: 0 };
  }
}
