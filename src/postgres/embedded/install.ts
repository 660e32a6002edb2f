/**
 * Brings the packed PostgreSQL onto the disk: the program files into a cache folder shared by all data
 * folders of a machine, and, on the first boot, the ready-made cluster into the data folder.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../core/ports/clock.ts";
import { selfCommand } from "../../core/self.ts";
import type { StartupError } from "../../core/startup-error.ts";
import { embeddedErrors } from "./errors.ts";
import { type Identity, isReachable } from "./identity.ts";
import type { PackedFiles } from "./packed-files.ts";
import type { UnpackOrder } from "./unpack.ts";
import type { UnpackFailure } from "./unpack-role.ts";

/** A temporary folder older than this belongs to a process that died. */
const STALE_MS = 3_600_000;

/** Unpacks the program files unless they are there. Returns their folder (`bin`, `lib`, `share`). */
export async function installServer(
  packed: PackedFiles,
  cacheDirs: readonly string[],
  identity: Identity | null,
  clock: Clock,
): Promise<string> {
  const name = `pg-${packed.version}-${packed.sha256.slice(0, 16)}`;
  for (const cache of cacheDirs) {
    if (!makeCache(cache, identity)) continue;
    const target = join(cache, name);
    if (!existsSync(join(target, "bin/postgres"))) {
      removeStale(cache, clock);
      // Somebody has cleaned up in there: a folder without the program is of no use to anyone.
      rmSync(target, { recursive: true, force: true });
      const temporary = temporaryIn(cache);
      const order = { archive: packed.server, temporary, target, mode: 0o755, sparse: true };
      await runUnpack({ ...order, owner: null });
    }
    return target;
  }
  throw embeddedErrors.no_cache_folder(cacheDirs.join(", "));
}

/** Makes the cluster from the template when there is none. True when it did. Needs the folder's lock. */
export async function installCluster(
  packed: PackedFiles,
  dataDir: string,
  identity: Identity | null,
): Promise<boolean> {
  const target = join(dataDir, "pg");
  for (const name of readdirSync(dataDir)) {
    if (name.startsWith(".tmp-")) rmSync(join(dataDir, name), { recursive: true, force: true });
  }
  if (existsSync(target)) {
    if (readdirSync(target).length > 0) return false;
    rmdirSync(target);
  }
  const temporary = temporaryIn(dataDir);
  const order = { archive: packed.template, temporary, target, mode: 0o700, sparse: false };
  await runUnpack({ ...order, owner: identity });
  return true;
}

/** Refuses a folder that holds something else than a cluster of our major version. */
export function checkClusterVersion(cluster: string, version: string): void {
  const path = join(cluster, "PG_VERSION");
  if (!existsSync(path)) throw embeddedErrors.not_a_cluster(cluster);
  const found = readFileSync(path, "utf8").trim();
  const own = version.split(".")[0] ?? version;
  if (found !== own) throw embeddedErrors.other_version(cluster, found, own);
}

function temporaryIn(folder: string): string {
  return join(folder, `.tmp-${process.pid}-${Bun.nanoseconds()}`);
}

function makeCache(cache: string, identity: Identity | null): boolean {
  try {
    mkdirSync(cache, { recursive: true, mode: 0o755 });
  } catch {
    return false;
  }
  return !identity || isReachable(cache, identity);
}

function removeStale(cache: string, clock: Clock): void {
  for (const name of readdirSync(cache)) {
    const path = join(cache, name);
    const stat = name.startsWith(".tmp-") && statSync(path, { throwIfNoEntry: false });
    if (stat && clock.now() - stat.mtimeMs > STALE_MS)
      rmSync(path, { recursive: true, force: true });
  }
}

async function runUnpack(order: UnpackOrder): Promise<void> {
  const child = Bun.spawn(selfCommand("__pg-unpack", JSON.stringify(order)), {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const [code, text] = await Promise.all([child.exited, new Response(child.stderr).text()]);
  if (code !== 0) throw unpackError(order.target, text);
}

function unpackError(target: string, text: string): StartupError {
  let failure: UnpackFailure = { errno: "", message: text.trim() };
  try {
    failure = JSON.parse(text) as UnpackFailure;
  } catch {
    // Not our line: the child died of something else, and its words are the best account there is.
  }
  const cause = new Error(`${failure.errno} ${failure.message}`.trim());
  if (failure.errno === "ENOSPC" || failure.errno === "EDQUOT") {
    return embeddedErrors.disk_full(target, cause);
  }
  return embeddedErrors.unpack_failed(target, cause);
}
