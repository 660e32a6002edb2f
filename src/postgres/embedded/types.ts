/** What the embedded PostgreSQL is given and what it offers; the rest of the folder is its own. */
import type { Clock } from "../../core/ports/clock.ts";
import type { Logger } from "../../core/ports/log.ts";

export interface EmbeddedPostgresOptions {
  /** Made when missing. Holds `lock`, `ballast` and `pg/`. */
  readonly dataDir: string;
  /** Where program files are unpacked; default `/var/cache/reactor` (root) or the user's cache. */
  readonly cacheDir?: string | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  /** Values of HOME, XDG_CACHE_HOME and XDG_RUNTIME_DIR. */
  readonly env: {
    readonly home?: string | undefined;
    readonly xdgCacheHome?: string | undefined;
    readonly xdgRuntimeDir?: string | undefined;
  };
  /** Told after each boot step: `lock`, `unpack`, `template`, `orphan`, `start`. */
  readonly stepDone?: ((name: string, ms: number) => void) | undefined;
}

/** `down`: connections fail until the next `up`; the supervisor is already restarting it. */
export type PostgresState = "up" | "down";

export interface PostgresHealth {
  readonly state: PostgresState | "stopped";
  /** Unexpected ends of PostgreSQL since the start. */
  readonly restarts: number;
  /** Why the last attempt to start failed; null when the last one succeeded. */
  readonly lastError: string | null;
}

export interface EmbeddedPostgres {
  /** Folder of the Unix socket `.s.PGSQL.5432`. The same after a restart. */
  readonly socketDir: string;
  /** libpq URL of the superuser `postgres`. */
  readonly ownerUrl: string;
  /** True when this start made the cluster. */
  readonly firstBoot: boolean;
  /** Of the postmaster; changes with a restart; 0 while there is none. */
  pid(): number;
  health(): PostgresHealth;
  /** Calls back on every change after the start. The returned function ends that. */
  onState(listener: (state: PostgresState) => void): () => void;
  /** Ends PostgreSQL within `budgetMs`, ever less politely, and lets go of the data folder. */
  stop(budgetMs: number): Promise<void>;
}
