/**
 * The folder of PostgreSQL's socket: owned by PostgreSQL's user and closed to all others, which is the
 * whole of its access control. Not inside the data folder, because a socket's path is limited to 107
 * bytes and data folders can be deep.
 */
import { chmodSync, chownSync, lstatSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { embeddedErrors } from "./errors.ts";
import type { Identity } from "./identity.ts";

const SOCKET_NAME = ".s.PGSQL.5432";
/** `sun_path` of sockaddr_un (unix(7)) holds 108 bytes, the last of them NUL. */
const LONGEST_SOCKET_PATH_BYTES = 107;

export interface RuntimeDirOptions {
  readonly xdgRuntimeDir?: string | undefined;
  /** Absolute path of the data folder: the same one gets the same socket folder at every start. */
  readonly dataDir: string;
  /** PostgreSQL's user when the server is root. */
  readonly identity: Identity | null;
}

/** An empty socket folder. Call with the data folder's lock held. */
export function makeSocketDir(options: RuntimeDirOptions): string {
  const bases = candidates(options);
  for (const base of bases) {
    const folder = join(base, `pg-${shortHash(options.dataDir)}`);
    if (Buffer.byteLength(join(folder, SOCKET_NAME)) > LONGEST_SOCKET_PATH_BYTES) continue;
    if (isUsableBase(base) && makeOwn(folder, options.identity)) return folder;
  }
  throw embeddedErrors.no_runtime_folder(bases.join(", "));
}

function candidates({ xdgRuntimeDir, identity }: RuntimeDirOptions): string[] {
  const uid = process.getuid?.() ?? 0;
  // Under sudo, root may have inherited another user's XDG_RUNTIME_DIR.
  const xdg = xdgRuntimeDir && !identity ? [join(xdgRuntimeDir, "reactor")] : [];
  return [...xdg, "/run/reactor", `/tmp/reactor-${uid}`];
}

/** Makes the base if it can. False for one that another user could have prepared or could change. */
function isUsableBase(base: string): boolean {
  const isRoot = process.getuid?.() === 0;
  try {
    mkdirSync(base, { mode: isRoot ? 0o711 : 0o700 });
    if (isRoot) chmodSync(base, 0o711);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") return false;
  }
  const stat = lstatSync(base);
  return stat.isDirectory() && stat.uid === process.getuid?.() && (stat.mode & 0o022) === 0;
}

function makeOwn(folder: string, identity: Identity | null): boolean {
  try {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { mode: 0o700 });
    chmodSync(folder, 0o700);
    if (identity) chownSync(folder, identity.uid, identity.gid);
    return true;
  } catch {
    return false;
  }
}

function shortHash(text: string): string {
  return new Bun.CryptoHasher("sha256").update(text).digest("hex").slice(0, 12);
}
