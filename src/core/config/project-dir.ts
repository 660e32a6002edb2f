/** Finds the project a command works on and the folder its data lives in. */
import { existsSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { StartupError } from "../startup-error.ts";

export const PROJECT_FILE = "reactor.toml";
const MARKS = [PROJECT_FILE, "functions", "migrations"];

export interface ProjectDir {
  /** Absolute; null when there is no project here: everything then runs on defaults. */
  readonly dir: string | null;
  /** Absolute path of reactor.toml; null when the project has none. */
  readonly file: string | null;
}

/**
 * The project: `given` (`--project DIR`), else `cwd` if it holds reactor.toml, functions/ or
 * migrations/.
 * @throws StartupError `project_not_found` (exit 2) when `given` is not a folder
 */
export function findProjectDir(given: string | null | undefined, cwd: string): ProjectDir {
  const dir = given ? resolve(cwd, given) : cwd;
  if (given && !isDirectory(dir)) {
    throw new StartupError({
      code: "project_not_found",
      message: `The project folder ${dir} does not exist`,
      hint: "`reactor init <name>` makes a project",
      exitCode: 2,
    });
  }
  const isProject = Boolean(given) || MARKS.some((name) => existsSync(join(dir, name)));
  const file = join(dir, PROJECT_FILE);
  return { dir: isProject ? dir : null, file: isProject && existsSync(file) ? file : null };
}

/** A project that began without reactor.toml may have one by now. */
export function withNewFile(project: ProjectDir): ProjectDir {
  const { dir, file } = project;
  return dir !== null && file === null ? findProjectDir(dir, dir) : project;
}

/** `given` (`--data-dir DIR`), else `.reactor` in the project, else in `cwd`. Absolute. */
export function findDataDir(
  given: string | null | undefined,
  project: ProjectDir,
  cwd: string,
): string {
  return given ? resolve(cwd, given) : join(project.dir ?? cwd, ".reactor");
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
