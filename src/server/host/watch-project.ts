/**
 * `reactor dev`: applies what changes in the project. Functions are deployed again, new migrations
 * applied; a change of reactor.toml asks for a restart, because a boot reads it once.
 */
import { existsSync, type FSWatcher, watch } from "node:fs";
import { join } from "node:path";
import type { Config } from "../../core/config/config.ts";
import type { ProjectDir } from "../../core/config/project-dir.ts";
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
  const watchers = [
    watchFolder(join(dir, "functions"), functions),
    watchFolder(join(dir, migrations_dir), migrations),
    project.file === null
      ? null
      : watchFile(project.file, () =>
          log.warn("project.config_changed", { hint: "Restart to apply it" }),
        ),
  ];
  return () => {
    for (const watcher of watchers) watcher?.close();
  };
}

function watchFolder(path: string, onChange: () => void): FSWatcher | null {
  return existsSync(path) ? watch(path, { recursive: true }, onChange) : null;
}

function watchFile(path: string, onChange: () => void): FSWatcher {
  return watch(path, onChange);
}

/** Runs `work` once a burst of changes is over, never twice at once, and again if more came. */
function settled(log: Logger, what: string, work: () => Promise<void>): () => void {
  let cancel: (() => void) | undefined;
  let isRunning = false;
  let isAgain = false;
  const run = async () => {
    if (isRunning) {
      isAgain = true;
      return;
    }
    isRunning = true;
    const from = systemClock.monotonic();
    try {
      await work();
      log.info("project.reloaded", { what, ms: Math.round(systemClock.monotonic() - from) });
    } catch (error) {
      log.error("project.reload_failed", { what, error });
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
    cancel = systemClock.after(SETTLE_MS, () => void run());
  };
}
