/**
 * Which files of the npm PostgreSQL package go into the executable, and under which names.
 * Left out: static libraries, headers, build tools, embedded-SQL libraries, languages that need an
 * interpreter on the host, rare contrib modules, conversions to encodings nobody stores any more, and
 * what only `initdb` reads (the template data directory takes its place).
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { Elf } from "./elf.ts";
import { trimIcuData } from "./icu-data.ts";
import type { PostgresTarget } from "./npm-package.ts";
import { ONE_SESSION_PATH, oneSessionLibrary } from "./one-session.ts";
import type { TarEntry } from "./tar.ts";

const DROPPED_MODULES = [
  /^(?:pl(?:perl|python3|tcl)|.*_plperl|.*_plpython3)\b/,
  /^(?:auth_delay|basebackup_to_shell|basic_archive|passwordcheck|test_decoding|pg_overexplain)\b/,
  /^(?:insert_username|intagg|refint|pg_surgery|pageinspect|pg_logicalinspect|sslinfo|tcn|isn)\b/,
  /^(?:pgxml|xml2)\b/,
  /^(?!utf8_and_(?:iso8859|iso8859_1|win)\b).*_(?:and|sjis)_?.*\.so$/,
  /^(?:euc2004_sjis2004)\b/,
];
const DROPPED_LIBRARIES = /^(?:libecpg|libpgtypes|libxslt)/;
const DROPPED_SHARE =
  /^(?:postgres\.bki|[^/]*\.sql|sql_features\.txt|[^/]*\.sample|errcodes\.txt)$|^extension\/(?:pl(?:perl|python3|tcl)|.*_pl(?:perl|python3)u?)/;

/** What `initdb` needs on top of the packed files, while the template is made. */
const INITDB_SHARE =
  /^(?:postgres\.bki|(?:information_schema|snowball_create|system_.*)\.sql|sql_features\.txt|.*\.sample)$/;

/** The members of the server archive, sorted by path. `native` is the package's `native` folder. */
export function serverFiles(native: string, target: PostgresTarget): TarEntry[] {
  const entries = [
    executable(native, "bin/postgres"),
    { path: ONE_SESSION_PATH, mode: 0o755, body: oneSessionLibrary(target) },
    ...libraries(native),
    ...modules(native),
    ...shareFiles(native, (path) => !DROPPED_SHARE.test(path) && !isDroppedExtension(path)),
  ];
  return entries.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** The further members which `initdb` needs. */
export function initdbFiles(native: string): TarEntry[] {
  return [
    executable(native, "bin/initdb"),
    ...shareFiles(native, (path) => INITDB_SHARE.test(path)),
  ];
}

function executable(native: string, path: string): TarEntry {
  return { path, mode: 0o755, body: readFileSync(join(native, path)) };
}

/** Libraries stand under the name they are looked up by, so no symbolic links are needed. */
function libraries(native: string): TarEntry[] {
  const folder = join(native, "lib");
  const byName = new Map<string, TarEntry>();
  for (const file of readdirSync(folder)) {
    if (!/\.so\.\d/.test(file) || DROPPED_LIBRARIES.test(file)) continue;
    const bytes = readFileSync(join(folder, file));
    const soname = new Elf(bytes).soname();
    if (!soname) throw new Error(`${file} has no soname`);
    const body = soname.startsWith("libicudata.") ? trimIcuData(bytes).bytes : bytes;
    byName.set(soname, { path: `lib/${soname}`, mode: 0o755, body });
  }
  return [...byName.values()];
}

function isDroppedModule(file: string): boolean {
  return DROPPED_MODULES.some((pattern) => pattern.test(file));
}

function isDroppedExtension(path: string): boolean {
  return path.startsWith("extension/") && isDroppedModule(path.slice("extension/".length));
}

function modules(native: string): TarEntry[] {
  const folder = "lib/postgresql";
  return readdirSync(join(native, folder))
    .filter((file) => file.endsWith(".so") && !isDroppedModule(file))
    .map((file) => executable(native, `${folder}/${file}`));
}

function shareFiles(native: string, keeps: (path: string) => boolean): TarEntry[] {
  const root = join(native, "share/postgresql");
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((path) => keeps(path) && statSync(join(root, path)).isFile())
    .map((path) => ({
      path: `share/postgresql/${path}`,
      mode: 0o644,
      body: readFileSync(join(root, path)),
    }));
}
