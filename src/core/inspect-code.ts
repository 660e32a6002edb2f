/**
 * What a function's code asks for, read from the code without running it: modules or host functions
 * it imports, hosts it seems to call, and what of that cannot work. Imports are facts. Hosts are a
 * guess from literal addresses in the code: one that is put together at run time is not seen, and one
 * that stands in a text only is.
 */
import type { FunctionKind } from "./function-settings.ts";
import { isZip, readZip, unzipFileSync } from "./zip/read-zip.ts";

export interface CodeReport {
  /** `reactor`, `node:crypto`; of a module `extism:host/env.input_load`. In order, at most 200. */
  readonly imports: readonly string[];
  /** Guessed; in lower case and order, at most 50. */
  readonly hosts: readonly string[];
  /** Sentences. */
  readonly warnings: readonly string[];
}

/** Of a zip, what is looked through. */
const ZIP_SOURCE_BYTES = 4 * 1024 * 1024;
const IMPORTS_MAX = 200;
const HOSTS_MAX = 50;

/** Modules that need sockets or processes, which a function does not have. */
const WITHOUT_USE: Readonly<Record<string, string>> = {
  "node:net": "sockets",
  "node:tls": "sockets",
  "node:dgram": "sockets",
  "node:dns": "sockets",
  "node:dns/promises": "sockets",
  "node:http": "sockets (use fetch)",
  "node:https": "sockets (use fetch)",
  "node:http2": "sockets (use fetch)",
  "node:child_process": "processes of its own",
  "node:cluster": "processes of its own",
  "node:repl": "a terminal",
};

const ADDRESS = /\b(?:https?|wss?):\/\/([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]+\])/gi;
/** Hosts of names that nobody calls: XML namespaces, licences, this server itself. */
const NO_HOSTS = /^(?:localhost|www\.w3\.org|[^.[]+|example\.(?:com|org|net))$/;

const OPENING_BRACE = 0x7b;

/**
 * @param code one bundled ES module, a zip, or a WASM module that is known to be valid
 * @throws ZipRefused
 */
export function inspectCode(
  runtime: FunctionKind,
  code: Uint8Array,
  egress: readonly string[],
): CodeReport {
  const sources = isZip(code) ? zipSources(code) : [code];
  const found = sources.flatMap(runtime === "wasm" ? moduleImports : sourceImports);
  const imports = sortedUnique(found, IMPORTS_MAX);
  const hosts = sortedUnique(sources.flatMap(hostsIn), HOSTS_MAX);
  const useless = imports.flatMap((name) => {
    const lacking = WITHOUT_USE[name];
    return lacking ? [`it imports ${name}, but a function has no ${lacking}`] : [];
  });
  const refused = hosts
    .filter((host) => !isAllowed(host, egress))
    .map((host) => `it seems to call ${host}, which its egress setting does not allow`);
  return { imports, hosts, warnings: [...useless, ...refused] };
}

/** The author's own files of a zip, as far as they are not much to read: packages have been seen before. */
function zipSources(code: Uint8Array): Uint8Array[] {
  const isSource = /^(?!(?:.*\/)?node_modules\/).*\.[cm]?js$/;
  let left = ZIP_SOURCE_BYTES;
  return readZip(code)
    .filter(({ path }) => isSource.test(path))
    .filter(({ sizeBytes }) => {
      left -= sizeBytes;
      return left >= 0;
    })
    .map(unzipFileSync);
}

function moduleImports(code: Uint8Array): string[] {
  const module = new WebAssembly.Module(code as BufferSource);
  return WebAssembly.Module.imports(module).map((one) => `${one.module}.${one.name}`);
}

function sourceImports(code: Uint8Array): string[] {
  // The description of a function on AWS Lambda is no program.
  if (code[0] === OPENING_BRACE) return [];
  const scanner = new Bun.Transpiler({ loader: "js" });
  const names = scanner.scanImports(code).map(({ path }) => fullName(path));
  // Between the files of one zip.
  return names.filter((name) => !name.startsWith("."));
}

/** `fs` is `node:fs`. */
function fullName(path: string): string {
  return `node:${path}` in WITHOUT_USE ? `node:${path}` : path;
}

function hostsIn(code: Uint8Array): string[] {
  const text = new TextDecoder("latin1").decode(code);
  const found = [...text.matchAll(ADDRESS)].map(([, host = ""]) => host.toLowerCase());
  return found.filter((host) => !NO_HOSTS.test(host));
}

/** As `runtime/egress` decides it: every public host, a host, all below one. */
function isAllowed(host: string, egress: readonly string[]): boolean {
  return egress.some((pattern) =>
    pattern.startsWith("*.")
      ? host.endsWith(pattern.slice(1))
      : pattern === "*" || pattern === host,
  );
}

function sortedUnique(texts: readonly string[], max: number): string[] {
  return [...new Set(texts)].sort().slice(0, max);
}
