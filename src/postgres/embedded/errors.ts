/** Everything that can stop the embedded PostgreSQL from starting, one sentence and one remedy each. */
import { StartupError, type StartupErrorInit } from "../../core/startup-error.ts";

const EXTERNAL = "Set database.url to a PostgreSQL 15 or newer instead";

function table<
  const T extends Record<string, (...args: never[]) => Omit<StartupErrorInit, "code">>,
>(rows: T): { readonly [K in keyof T]: (...args: Parameters<T[K]>) => StartupError } {
  const built: Record<string, (...args: never[]) => StartupError> = {};
  for (const [code, row] of Object.entries(rows)) {
    built[code] = (...args) => new StartupError({ code: `postgres_${code}`, ...row(...args) });
  }
  return built as unknown as {
    readonly [K in keyof T]: (...args: Parameters<T[K]>) => StartupError;
  };
}

export const embeddedErrors = table({
  not_carried: () => ({
    message:
      "This build of Reactor carries no PostgreSQL: it is for glibc Linux on x64 and arm64 only",
    hint: EXTERNAL,
  }),
  not_packed: (path: string) => ({
    message: `PostgreSQL has not been packed yet: ${path} does not exist`,
    hint: "Run: bun scripts/pack-postgres.ts",
  }),
  folder_in_use: (folder: string, pid: string) => ({
    message: `Another Reactor (process ${pid}) is using the data folder ${folder}`,
    hint: "Stop it, or give this one another --data-dir",
  }),
  folder_not_writable: (folder: string, cause: unknown) => ({
    message: `The data folder ${folder} cannot be written`,
    hint: "Give --data-dir a folder this user may write, on a file system that is not read-only",
    cause,
  }),
  not_a_cluster: (folder: string) => ({
    message: `${folder} is not empty and holds no PostgreSQL data`,
    hint: "Move it away, or give another --data-dir",
  }),
  other_version: (folder: string, found: string, own: string) => ({
    message: `The data in ${folder} is of PostgreSQL ${found}; this Reactor carries ${own}`,
    hint: `Make a backup with the Reactor that wrote it and restore it into an empty --data-dir here`,
  }),
  disk_full: (folder: string, cause: unknown) => ({
    message: `The disk that holds ${folder} is full`,
    hint: "Free some space and start again; no data has been lost",
    exitCode: 5 as const,
    cause,
  }),
  unpack_failed: (folder: string, cause: Error) => ({
    message: `PostgreSQL could not be unpacked into ${folder}: ${cause.message}`,
    exitCode: 5 as const,
    cause,
  }),
  no_cache_folder: (tried: string) => ({
    message: `No folder was found that can hold PostgreSQL's program files; tried ${tried}`,
    hint: "Make /var/cache/reactor writable for this user, or set XDG_CACHE_HOME",
  }),
  no_runtime_folder: (tried: string) => ({
    message: `No folder was found for PostgreSQL's socket; tried ${tried}`,
    hint: "Set XDG_RUNTIME_DIR to a folder owned by this user, with a path of at most 60 bytes",
  }),
  library_missing: (library: string) => ({
    message: `PostgreSQL needs the system library ${library}, which this host does not have`,
    hint: `Install it (Debian, Raspberry Pi OS: apt-get install libstdc++6 libgcc-s1), or: ${EXTERNAL}`,
  }),
  cannot_execute: (path: string, reason: string) => ({
    message: `PostgreSQL's program ${path} cannot be run: ${reason}`,
    hint: "Its folder may be mounted noexec: set XDG_CACHE_HOME to another one",
  }),
  start_failed: (lastLines: string) => ({
    message: `PostgreSQL did not start: ${lastLines}`,
    hint: "reactor doctor checks the data folder, the disk and the ports",
    exitCode: 5 as const,
  }),
  start_timeout: (seconds: number) => ({
    message: `PostgreSQL was not ready after ${seconds} s`,
    hint: "A long crash recovery may need more time: start again, it goes on where it was",
    exitCode: 5 as const,
  }),
  orphan_stays: (pid: number) => ({
    message: `A PostgreSQL left over from an earlier run (process ${pid}) does not end`,
    hint: `Look at it with: ps -fp ${pid}`,
    exitCode: 5 as const,
  }),
});
