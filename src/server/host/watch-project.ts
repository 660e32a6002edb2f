/**
 * `reactor dev`: applies what changes in the project. Functions are deployed again as the [[functions]] of
 * reactor.toml say by then, new migrations applied; any other change of reactor.toml asks for a restart,
 * because a boot reads it once.
 */
import { existsSync, type FSWatcher, readFileSync, watch } from "node:fs";
import { dirname, join, sep } from "node:path";
import type { Config } from "../../core/config/config.ts";
import type { Env } from "../../core/config/env.ts";
import { loadList } from "../../core/config/load-config.ts";
import { PROJECT_FILE, type ProjectDir, withNewFile } from "../../core/config/project-dir.ts";
import { readToml } from "../../core/config/read-toml.ts";
import { ReactorError } from "../../core/errors.ts";
import type { Logger } from "../../core/ports/log.ts";
import { systemClock } from "../../shared/clock.ts";
import type { RunningServer } from "../boot/boot.ts";

export interface WatchOptions {
  readonly project: ProjectDir;
  readonly config: Config;
  readonly env: Env;
  readonly log: Logger;
  readonly server: RunningServer;
  bundledFiles?(): ReadonlySet<string>;
}

const FUNCTIONS = "functions";
/** Editors write a file in several steps; one deploy is enough for all of them. */
const SETTLE_MS = 40;

/** Starts watching; the returned function ends it. */
export function watchProject(options: WatchOptions): () => void {
  const { project, server, log, env } = options;
  if (project.dir === null) return () => undefined;
  const dir = project.dir;
  const { migrations_dir } = options.config.section<{ migrations_dir: string }>("data");
  const tellOfRest = restTeller(log, project.file);
  const functions = settled(log, "functions", async () => {
    const { file } = withNewFile(project);
    tellOfRest(file);
    try {
      await server.deployProject({ functions: loadList({ file, env }, "functions") });
    } finally {
      imports.follow();
    }
  });
  const migrations = settled(log, "migrations", () => server.migrateProject());
  const imports = watchImports(join(dir, FUNCTIONS), options, functions);
  // The folder and not the file: many editors put a new file in the place of the old one.
  const settings = watch(dir, (_, name) => {
    if (name === PROJECT_FILE) functions();
  });
  const closers = [
    watchFolder(dir, FUNCTIONS, functions),
    watchFolder(dir, migrations_dir, migrations),
    () => imports.close(),
    () => settings.close(),
  ];
  return () => {
    for (const close of closers) close();
  };
}

/** Says it when anything of reactor.toml has changed but what `dev` applies. */
function restTeller(log: Logger, first: string | null): (file: string | null) => void {
  const restOf = (file: string | null) => {
    if (file === null) return "{}";
    const { functions: _, ...rest } = readToml(readFileSync(file, "utf8"), PROJECT_FILE).values;
    return JSON.stringify(rest);
  };
  let known = restOf(first);
  return (file) => {
    const now = restOf(file);
    if (now === known) return;
    known = now;
    log.warn("project.config_changed", { hint: "Restart to apply it" });
  };
}

/** Watches what functions import from elsewhere, by folder: which folders these are, each deploy may change. */
function watchImports(
  functionsDir: string,
  { bundledFiles }: WatchOptions,
  onChange: () => void,
): { follow(): void; close(): void } {
  const watchers = new Map<string, FSWatcher>();
  let files: ReadonlySet<string> = new Set();
  const isElsewhere = (path: string) =>
    !path.startsWith(functionsDir + sep) && !path.includes(`${sep}node_modules${sep}`);
  const follow = () => {
    files = bundledFiles?.() ?? files;
    const folders = new Set([...files].filter(isElsewhere).map((file) => dirname(file)));
    for (const [folder, watcher] of watchers) {
      if (folders.has(folder)) continue;
      watcher.close();
      watchers.delete(folder);
    }
    for (const folder of folders) {
      if (watchers.has(folder) || !existsSync(folder)) continue;
      const look = (_: string, name: string | null) => {
        if (name !== null && files.has(join(folder, name))) onChange();
      };
      watchers.set(folder, watch(folder, look));
    }
  };
  follow();
  return {
    follow,
    close() {
      for (const watcher of watchers.values()) watcher.close();
    },
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
