/**
 * `reactor dev`: applies what changes in the project. Functions are deployed again, new migrations
 * applied; a change of reactor.toml asks for a restart, because a boot reads it once.
 */
import { existsSync, type FSWatcher, watch } from "node:fs";
import { dirname, join } from "node:path";
import type { Config } from "../../core/config/config.ts";
import type { ProjectDir } from "../../core/config/project-dir.ts";
import { ReactorError } from "../../core/errors.ts";
import type { Logger } from "../../core/ports/log.ts";
import { systemClock } from "../../shared/clock.ts";
import type { RunningServer } from "../boot/boot.ts";

export interface WatchOptions {
  readonly project: ProjectDir;
  readonly config: Config;
  readonly log: Logger;
  readonly server: RunningServer;
}

/** Editors write a file in several steps; one deploy is enough for all of them. */
const SETTLE_MS = 40;

/** Starts watching; the returned function ends it. */
export function watchProject(options: WatchOptions): () => void {
  const { project, server, log } = options;
  if (project.dir === null) return () => undefined;
  const dir = project.dir;
  const { migrations_dir } = options.config.section<{ migrations_dir: string }>("data");
  const functions = settled(log, "functions", () => server.deployProject());
  const migrations = settled(log, "migrations", () => server.migrateProject());
  const closers = [
    watchFolder(dir, "functions", functions),
    watchFolder(dir, migrations_dir, migrations),
  ];
  if (project.file !== null) {
    const hint = "Restart to apply it";
    const watcher = watch(project.file, () => log.warn("project.config_changed", { hint }));
    closers.push(() => watcher.close());
  }
  return () => {
    for (const close of closers) close();
  };
}

/**
 * Watches a folder of the project, from when it is made if it is not there yet. Its parent is watched
 * for that and not the whole project: the data folder changes all the time.
 */
function watchFolder(dir: string, name: string, onChange: () => void): () => void {
  const path = join(dir, name);
  let inside: FSWatcher | null = null;
  const look = () => {
    if (inside !== null || !existsSync(path)) return false;
    inside = watch(path, { recursive: true }, onChange);
    return true;
  };
  const parent = dirname(path);
  const outside =
    look() || !existsSync(parent)
      ? null
      : watch(parent, () => {
          if (look()) onChange();
        });
  return () => {
    inside?.close();
    outside?.close();
  };
}

/** Where the fault is and what to do: the log of an error itself leaves both out, lest rows get in. */
function explanation(error: unknown) {
  return error instanceof ReactorError ? { details: error.details, hint: error.hint } : {};
}

/** Runs `work` once a burst of changes is over, never twice at once, and again if more came. */
function settled(log: Logger, what: string, work: () => Promise<void>): () => void {
  let cancel: (() => void) | undefined;
  let isRunning = false;
  let isAgain = false;
  let changedAt: number | null = null;
  const run = async () => {
    if (isRunning) {
      isAgain = true;
      return;
    }
    isRunning = true;
    // What a person waits for begins with the file being saved.
    const from = changedAt ?? systemClock.monotonic();
    changedAt = null;
    try {
      await work();
      log.info("project.reloaded", { what, ms: Math.round(systemClock.monotonic() - from) });
    } catch (error) {
      log.error("project.reload_failed", { what, ...explanation(error), error });
    } finally {
      isRunning = false;
    }
    if (isAgain) {
      isAgain = false;
      await run();
    }
  };
  return () => {
    cancel?.();
    changedAt ??= systemClock.monotonic();
    cancel = systemClock.after(SETTLE_MS, () => void run());
  };
}
