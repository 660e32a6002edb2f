/**
 * `reactor restore`: a backup into an empty data folder, verified twice: each file against the
 * backup's own manifest, then by starting PostgreSQL on it and reading what it holds.
 */
import { lchown, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Env } from "../../core/config/env.ts";
import type { Clock } from "../../core/ports/clock.ts";
import { StartupError } from "../../core/startup-error.ts";
import { openDirect } from "../../postgres/databases.ts";
import { postgresIdentity } from "../../postgres/embedded/identity.ts";
import { startEmbeddedPostgres } from "../../postgres/embedded/start-embedded-postgres.ts";
import { createLog } from "../../shared/log/create-log.ts";
import { fileSink } from "../../shared/log/log-sink.ts";
import { damaged, type UnpackedBackup, unpackBackup } from "../backup/read-backup.ts";

export interface RestoreRequest {
  /** Absolute path of the backup. */
  readonly file: string;
  /** Absolute; absent or empty. */
  readonly dataDir: string;
  readonly env: Env;
  readonly clock: Clock;
  /** Tells of each step. */
  onStep(text: string): void;
}

export interface RestoreReport {
  readonly created_at: string;
  readonly reactor_version: string;
  readonly files: number;
  readonly bytes: number;
  readonly tables: number;
  readonly migrations: number;
  readonly data_dir: string;
  /** Where the backed-up reactor.toml was put for comparison; null when there was none. */
  readonly configuration: string | null;
}

const MIB = 1024 * 1024;

export async function restore(request: RestoreRequest): Promise<RestoreReport> {
  const { file, dataDir } = request;
  if (!(await Bun.file(file).exists())) throw noSuchFile(file);
  const wasThere = await makeEmpty(dataDir);
  try {
    request.onStep("unpacking and checking");
    const unpacked = await unpackBackup(file, join(dataDir, "pg"), progress(request));
    const configuration = await placeOwnFiles(dataDir, unpacked);
    await giveToPostgres(join(dataDir, "pg"));
    request.onStep("starting PostgreSQL on it");
    const found = await verify(request);
    return { ...describe(unpacked), ...found, data_dir: dataDir, configuration };
  } catch (error) {
    await clear(dataDir, wasThere);
    throw error;
  }
}

function progress(request: RestoreRequest): (bytes: number) => void {
  let total = 0;
  let told = 0;
  return (bytes) => {
    total += bytes;
    if (total - told < 64 * MIB) return;
    told = total;
    request.onStep(`${Math.round(total / MIB)} MiB checked`);
  };
}

/** Leaves nothing behind; a folder that was there (it may be a mount point) stays, empty. */
async function clear(dataDir: string, wasThere: boolean): Promise<void> {
  if (!wasThere) return rm(dataDir, { recursive: true, force: true });
  for (const name of await readdir(dataDir)) {
    await rm(join(dataDir, name), { recursive: true, force: true });
  }
}

/** True when the folder was there, and empty. @throws StartupError data_folder_not_empty */
async function makeEmpty(dataDir: string): Promise<boolean> {
  const entries = await readdir(dataDir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
  if (entries !== null && entries.length > 0) {
    throw new StartupError({
      code: "data_folder_not_empty",
      message: `${dataDir} is not empty`,
      hint: "Restore into a new folder with --data-dir; nothing is ever overwritten",
      exitCode: 1,
    });
  }
  await mkdir(dataDir, { recursive: true, mode: 0o711 });
  await mkdir(join(dataDir, "pg"), { mode: 0o700 });
  return entries !== null;
}

/** The vault key to its place, the configuration beside it for a person to compare. */
async function placeOwnFiles(dataDir: string, { files }: UnpackedBackup): Promise<string | null> {
  const key = files.get("reactor/vault.key");
  if (key) await writeFile(join(dataDir, "vault.key"), key, { mode: 0o600 });
  const toml = files.get("reactor/reactor.toml");
  if (!toml) return null;
  const path = join(dataDir, "reactor.toml.restored");
  await writeFile(path, toml, { mode: 0o600 });
  return path;
}

/** As root, PostgreSQL runs as another user, who must own the cluster. */
async function giveToPostgres(cluster: string): Promise<void> {
  const identity = postgresIdentity(cluster);
  if (!identity) return;
  const entries = await readdir(cluster, { recursive: true, withFileTypes: true });
  const paths = [cluster, ...entries.map((entry) => join(entry.parentPath, entry.name))];
  for (const path of paths) await lchown(path, identity.uid, identity.gid);
}

async function verify(request: RestoreRequest): Promise<{ tables: number; migrations: number }> {
  const { clock, env, dataDir } = request;
  // What PostgreSQL says of its recovery matters only if it fails, and then the error carries it.
  const { logger: log } = createLog({
    clock,
    level: "warn",
    format: "pretty",
    color: false,
    sink: fileSink(clock),
  });
  const postgres = await startEmbeddedPostgres({
    dataDir,
    clock,
    log,
    env: {
      home: env["HOME"],
      xdgCacheHome: env["XDG_CACHE_HOME"],
      xdgRuntimeDir: env["XDG_RUNTIME_DIR"],
    },
  });
  const sql = openDirect(postgres.ownerUrl, log);
  try {
    const [row] = await sql<{ tables: number; migrations: number }[]>`
      select (select count(*)::int from pg_tables where schemaname not in ('pg_catalog', 'information_schema')) as tables,
             (select count(*)::int from reactor.migrations) as migrations`;
    if (!row) throw damaged("it holds no Reactor database");
    return row;
  } finally {
    await sql.end({ timeout: 5 });
    await postgres.stop(10_000);
  }
}

function describe({ head, clusterFiles, clusterBytes }: UnpackedBackup) {
  const { created_at, reactor_version } = head;
  return { created_at, reactor_version, files: clusterFiles, bytes: clusterBytes };
}

function noSuchFile(file: string): StartupError {
  return new StartupError({
    code: "backup_not_found",
    message: `There is no file ${file}`,
    hint: "`reactor backup` makes one",
    exitCode: 1,
  });
}
