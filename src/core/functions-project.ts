/**
 * Finds a project's functions: files under `functions/`, tuned by the `[[functions]]` list of
 * reactor.toml. Reads the file system only; bundling and deploying are done by whoever calls it:
 * the CLI (`deploy`, `fn deploy`) and the server (`dev`, `serve --project`).
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, extname, join, relative, resolve, sep } from "node:path";
import {
  FUNCTION_NAME,
  type FunctionKind,
  type FunctionSettings,
  readFunctionSettings,
} from "./function-settings.ts";
import { nearestName } from "./nearest-name.ts";
import { isZip, readZip, ZipRefused } from "./zip/read-zip.ts";
import { zipFolder } from "./zip/zip-folder.ts";

export interface ProjectFunction {
  readonly name: string;
  /** Absolute: the TypeScript entry file to bundle, or what is deployed as it is (`isPart`). */
  readonly path: string;
  /** As they stand in a deploy manifest. */
  readonly settings: FunctionSettings;
}

export interface FunctionDiscovery {
  /** In order of name. Only functions without a fault. */
  readonly functions: readonly ProjectFunction[];
  /** Sentences; a project with any of them must not be deployed. */
  readonly faults: readonly string[];
}

type ListEntry = Readonly<Record<string, unknown>>;

const FOLDER = "functions";
const SOURCE_TYPES = [".ts", ".tsx", ".mts", ".js", ".mjs", ".cjs"];
/** Says which function of AWS Lambda is meant. */
const TARGET_SUFFIX = ".lambda.json";
const PART = /\.(?:wasm|zip|lambda\.json)$/;
/** What stands for a folder that it lies in. */
const FOLDER_FILE = /^index\.ts$|\.wasm$/;
/** What a folder is known by that holds a program for AWS Lambda. */
const BOOTSTRAP = "bootstrap";
/** `_shared/`, `.cache/` and tests are no functions. */
const IGNORED = /^[._]|\.d\.ts$|\.test\.ts$|^node_modules$/;

/**
 * @param projectDir absolute folder of the project
 * @param list the `[[functions]]` tables of reactor.toml
 */
export function discoverFunctions(
  projectDir: string,
  list: readonly ListEntry[],
): FunctionDiscovery {
  const faults: string[] = [];
  const entries = entriesByName(list, faults);
  const claimed = new Set<string>();
  const files = new Map<string, string>();
  for (const [name, entry] of entries) {
    if (entry["path"] === undefined) continue;
    const path = namedFile(projectDir, name, entry, faults);
    if (path) files.set(name, path);
    if (path) claimed.add(path);
  }
  const mayPack = (name: string) => entries.get(name)?.["runtime"] === "lambda";
  const isNamed = (name: string) => entries.has(name);
  const found = foundFiles(projectDir, { claimed, listed: files, isNamed, mayPack }, faults);
  for (const [name, path] of found) files.set(name, path);
  for (const [name, entry] of entries) {
    if (!files.has(name) && entry["path"] === undefined) faults.push(noFile(name, files.keys()));
  }
  return { functions: described(projectDir, files, entries, faults), faults };
}

function described(
  projectDir: string,
  files: ReadonlyMap<string, string>,
  entries: ReadonlyMap<string, ListEntry>,
  faults: string[],
): ProjectFunction[] {
  const functions: ProjectFunction[] = [];
  for (const [name, path] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const { name: _name, path: _path, ...given } = entries.get(name) ?? {};
    const kind = kindOf(path);
    const read = readFunctionSettings({ ...given, runtime: given["runtime"] ?? kind });
    const own = read.faults.map((fault) => `function '${name}': ${fault}`);
    if (own.length === 0 && !canBe(read.settings.runtime, kind)) {
      const file = relative(projectDir, path);
      own.push(`function '${name}': runtime is "${read.settings.runtime}", but ${file} is ${kind}`);
    }
    faults.push(...own);
    if (own.length === 0) functions.push({ name, path, settings: read.settings });
  }
  return functions;
}

function entriesByName(list: readonly ListEntry[], faults: string[]): Map<string, ListEntry> {
  const entries = new Map<string, ListEntry>();
  list.forEach((entry, index) => {
    const name = entry["name"];
    if (typeof name !== "string" || !FUNCTION_NAME.test(name)) {
      faults.push(`[[functions]] number ${index + 1}: name must match ${FUNCTION_NAME.source}`);
    } else if (entries.has(name)) {
      faults.push(`[[functions]] names '${name}' twice`);
    } else entries.set(name, entry);
  });
  return entries;
}

/** Deployed as it is, without a bundler: a folder as a zip. */
export function isPart(path: string): boolean {
  return PART.test(path) || isFolder(path);
}

/** The bytes of what `isPart`. @throws Error for a folder that cannot be packed, and for a zip that is none */
export function readPart(path: string): Uint8Array {
  if (isFolder(path)) return zipFolder(path);
  const bytes = readFileSync(path);
  // Whoever gets the bytes does not know the name, and takes what is no zip for a program.
  if (path.endsWith(".zip")) checkZip(basename(path), bytes);
  return bytes;
}

function checkZip(file: string, bytes: Uint8Array): void {
  try {
    readZip(bytes);
    if (!isZip(bytes)) throw new ZipRefused("It is no zip archive with a file in it");
  } catch (error) {
    throw error instanceof ZipRefused ? new Error(`${file}: ${error.message}`) : error;
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** It is packed whole: it holds a program for AWS Lambda, or a handler that nobody is to bundle. */
function isPacked(folder: string, mayPack: boolean): boolean {
  if (existsSync(join(folder, BOOTSTRAP))) return true;
  const isBundled = readdirSync(folder).some((item) => FOLDER_FILE.test(item));
  return mayPack && !isBundled;
}

/** A handler written for AWS Lambda is TypeScript or JavaScript like any other. */
function canBe(runtime: FunctionKind, kind: FunctionKind): boolean {
  return runtime === kind || (runtime === "lambda" && kind === "bun");
}

function kindOf(path: string): FunctionKind {
  if (path.endsWith(TARGET_SUFFIX) || path.endsWith(".zip") || isFolder(path)) return "lambda";
  return extname(path) === ".wasm" ? "wasm" : "bun";
}

/** The file an entry's `path` means: a source file, a module, or a folder that holds one. */
function namedFile(
  projectDir: string,
  name: string,
  { path, runtime }: ListEntry,
  faults: string[],
): string | null {
  const file = typeof path === "string" && path !== "" ? resolve(projectDir, path) : null;
  if (file === null || !file.startsWith(projectDir + sep)) {
    faults.push(`function '${name}': path must name a file inside the project`);
    return null;
  }
  const found = statSync(file, { throwIfNoEntry: false });
  if (!found) {
    faults.push(`function '${name}': there is no ${String(path)}`);
    return null;
  }
  if (found.isDirectory() && isPacked(file, runtime === "lambda")) return file;
  if (found.isDirectory()) {
    const inside = folderFile(projectDir, name, file, new Set(), faults);
    if (!inside) faults.push(`function '${name}': ${String(path)} holds no index.ts and no .wasm`);
    return inside;
  }
  if (isPart(file) || SOURCE_TYPES.includes(extname(file))) return file;
  faults.push(
    `function '${name}': ${String(path)} is neither TypeScript, JavaScript, .wasm, .zip nor ${TARGET_SUFFIX}`,
  );
  return null;
}

interface Listed {
  /** Files that the list gives. */
  readonly claimed: ReadonlySet<string>;
  /** Names with such a file. */
  readonly listed: ReadonlyMap<string, string>;
  /** Whether the list has this name. Its file may then be another's, too: one code, other settings. */
  isNamed(name: string): boolean;
  /** Whether the folder of this name may be packed whole. */
  mayPack(name: string): boolean;
}

/** What lies in `functions/` under its own name. A name whose file the list gives is the list's. */
function foundFiles(projectDir: string, given: Listed, faults: string[]): Map<string, string> {
  const found = new Map<string, string>();
  const all = join(projectDir, FOLDER);
  if (!existsSync(all)) return found;
  for (const item of readdirSync(all).sort()) {
    const at = join(all, item);
    const folder = isFolder(at);
    const name = folder
      ? item
      : basename(item, item.endsWith(TARGET_SUFFIX) ? TARGET_SUFFIX : extname(item));
    if (IGNORED.test(item) || given.listed.has(name)) continue;
    if (!folder && extname(item) !== ".ts" && !PART.test(item)) continue;
    const path = ownFile(projectDir, name, at, given, faults);
    if (path === null) continue;
    const other = found.get(name);
    if (!FUNCTION_NAME.test(name)) {
      faults.push(`${relative(projectDir, path)}: a name must match ${FUNCTION_NAME.source}`);
    } else if (other) faults.push(conflict(projectDir, name, other, path));
    else found.set(name, path);
  }
  return found;
}

/** What is deployed under this name of what lies at `at`; null where that is another's. */
function ownFile(
  projectDir: string,
  name: string,
  at: string,
  { claimed, isNamed, mayPack }: Listed,
  faults: string[],
): string | null {
  const isWhole = !isFolder(at) || isPacked(at, mayPack(name));
  const file = (taken: ReadonlySet<string>) => {
    if (!isWhole) return folderFile(projectDir, name, at, taken, faults);
    return taken.has(at) ? null : at;
  };
  return file(claimed) ?? (isNamed(name) ? file(new Set()) : null);
}

/** `index.ts` or the only `.wasm` of a folder; null when it holds neither. */
function folderFile(
  projectDir: string,
  name: string,
  folder: string,
  claimed: ReadonlySet<string>,
  faults: string[],
): string | null {
  const [first, second] = readdirSync(folder)
    .filter((item) => FOLDER_FILE.test(item))
    .map((item) => join(folder, item))
    .filter((file) => !claimed.has(file))
    .sort();
  if (first && second) faults.push(conflict(projectDir, name, first, second));
  return first ?? null;
}

function conflict(projectDir: string, name: string, a: string, b: string): string {
  const files = `${relative(projectDir, a)} and ${relative(projectDir, b)}`;
  return `function '${name}' has two files, ${files}: remove one, or name one as path in [[functions]]`;
}

function noFile(name: string, known: Iterable<string>): string {
  const near = nearestName(name, known);
  const files = [".ts", "/index.ts", ".wasm", ".zip", TARGET_SUFFIX, `/${BOOTSTRAP}`];
  const expected = files.map((end) => `${FOLDER}/${name}${end}`).join(", ");
  return `[[functions]] names '${name}', but there is none of ${expected}, nor a folder ${FOLDER}/${name} for runtime = "lambda"${near ? `; did you mean '${near}'?` : ""}`;
}
