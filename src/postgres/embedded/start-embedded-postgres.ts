/**
 * Starts the PostgreSQL that Reactor carries, from nothing or from an existing data folder, and hands
 * back what the server needs of it. The order of the steps is the point: lock first, then install,
 * then clear away what an earlier run left, then start.
 */
import {
  accessSync,
  chownSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { StartupError } from "../../core/startup-error.ts";
import { findPackedPostgres } from "./asset.ts";
import { keepBallast } from "./ballast.ts";
import { embeddedErrors } from "./errors.ts";
import { type Identity, isReachable, postgresIdentity } from "./identity.ts";
import { checkClusterVersion, installCluster, installServer } from "./install.ts";
import { stopOrphan } from "./leftovers.ts";
import { lockDataFolder } from "./lock.ts";
import type { PackedFiles } from "./packed-files.ts";
import { makeSocketDir } from "./runtime-dir.ts";
import { POSTGRESQL_CONF } from "./settings.ts";
import { Supervisor } from "./supervisor.ts";
import type { EmbeddedPostgres, EmbeddedPostgresOptions } from "./types.ts";

/**
 * Resolves when connections are accepted. Throws `StartupError`; then nothing is left running and the
 * folder's lock is free.
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const packed = findPackedPostgres();
  const dataDir = makeDataDir(resolve(options.dataDir));
  const step = stopwatch(options);
  const unlock = explained(dataDir, () => lockDataFolder(dataDir));
  step("lock");
  try {
    return await startLocked({ ...options, dataDir }, packed, unlock, step);
  } catch (error) {
    unlock();
    throw explain(dataDir, error);
  }
}

async function startLocked(
  options: EmbeddedPostgresOptions,
  packed: PackedFiles,
  unlock: () => void,
  step: (name: string) => void,
): Promise<EmbeddedPostgres> {
  const { dataDir, clock, log } = options;
  const cluster = join(dataDir, "pg");
  const identity = postgresIdentity(cluster);
  const installProgram = async () =>
    join(await installServer(packed, cacheDirs(options), identity, clock), "bin/postgres");
  const [, firstBoot] = await bothSettled(
    installProgram(),
    installCluster(packed, dataDir, identity),
  );
  step("unpack");
  checkClusterVersion(cluster, packed.version);
  await stopOrphan(cluster, clock, log);
  writeSettings(cluster, identity);
  keepBallast(dataDir);
  const xdgRuntimeDir = options.env.xdgRuntimeDir;
  const socketDir = makeSocketDir({ dataDir, identity, xdgRuntimeDir });
  step("prepare");
  const reachable = !identity || isReachable(cluster, identity);
  const supervisor = new Supervisor({
    installProgram,
    cluster,
    dataDir,
    socketDir,
    identity,
    reachable,
    clock,
    log,
  });
  await supervisor.start();
  step("start");
  return handle(supervisor, socketDir, firstBoot, unlock);
}

function handle(
  supervisor: Supervisor,
  socketDir: string,
  firstBoot: boolean,
  unlock: () => void,
): EmbeddedPostgres {
  const host = encodeURIComponent(socketDir).replaceAll("%2F", "/");
  return {
    socketDir,
    firstBoot,
    ownerUrl: `postgresql://postgres@/postgres?host=${host}`,
    pid: () => supervisor.pid(),
    health: () => supervisor.health(),
    onState: (listener) => supervisor.onState(listener),
    async stop(budgetMs) {
      await supervisor.stop(budgetMs);
      rmSync(socketDir, { recursive: true, force: true });
      unlock();
    },
  };
}

/** Like `Promise.all`, but leaves nothing running behind when one of them fails. */
async function bothSettled<A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([a, b]);
  return Promise.all([a, b]);
}

function stopwatch({ clock, stepDone }: EmbeddedPostgresOptions): (name: string) => void {
  let last = clock.monotonic();
  return (name) => {
    const now = clock.monotonic();
    stepDone?.(name, now - last);
    last = now;
  };
}

/** Folders to try for the program files, the best first. */
function cacheDirs({ cacheDir, dataDir, env }: EmbeddedPostgresOptions): string[] {
  const inData = join(dataDir, "cache");
  if (cacheDir) return [resolve(cacheDir)];
  if (process.getuid?.() === 0) return ["/var/cache/reactor", inData];
  const base = env.xdgCacheHome || (env.home ? join(env.home, ".cache") : null);
  return base ? [join(base, "reactor"), inData] : [inData];
}

function makeDataDir(dataDir: string): string {
  return explained(dataDir, () => {
    // As root, PostgreSQL's own user has to pass through it.
    const mode = process.getuid?.() === 0 ? 0o711 : 0o700;
    mkdirSync(dataDir, { recursive: true, mode });
    accessSync(dataDir, constants.W_OK | constants.X_OK);
    return realpathSync(dataDir);
  });
}

/** PostgreSQL's user may write in the cluster: nothing there is opened through a link it may have left. */
function writeSettings(cluster: string, identity: Identity | null): void {
  const path = join(cluster, "postgresql.conf");
  if (existsSync(path) && readFileSync(path, "utf8") === POSTGRESQL_CONF) return;
  const temporary = `${path}.new`;
  rmSync(temporary, { force: true });
  writeFileSync(temporary, POSTGRESQL_CONF, { flag: "wx", mode: 0o600 });
  if (identity) chownSync(temporary, identity.uid, identity.gid);
  renameSync(temporary, path);
}

function explained<T>(dataDir: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw explain(dataDir, error);
  }
}

/** File system errors in words; everything else unchanged. */
function explain(dataDir: string, error: unknown): unknown {
  if (error instanceof StartupError) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOSPC" || code === "EDQUOT") return embeddedErrors.disk_full(dataDir, error);
  if (code === "EROFS" || code === "EACCES" || code === "EPERM" || code === "ENOTDIR") {
    return embeddedErrors.folder_not_writable(dataDir, error);
  }
  return error;
}
