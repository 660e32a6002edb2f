/** Reads what a deploy sends from a project: its migrations and its functions. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { findProjectDir } from "../core/config/project-dir.ts";
import { discoverFunctions, type ProjectFunction } from "../core/functions-project.ts";
import { nearestName } from "../core/nearest-name.ts";
import { CliError } from "./cli-error.ts";
import type { CommandContext } from "./command.ts";

export interface ProjectMigration {
  /** File name without `.sql`. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface Project {
  /** Absolute. */
  readonly dir: string;
  /** Absolute; it may not be there yet. */
  readonly migrationsDir: string;
  readonly migrations: readonly ProjectMigration[];
  /** Patterns relative to `dir`. */
  readonly seedFiles: readonly string[];
  readonly functions: readonly ProjectFunction[];
}

/** What the server accepts: a number first, so that names sort in the order of application. */
const MIGRATION_NAME = /^[0-9]+[A-Za-z0-9_.-]*$/;

/** @throws CliError `project_not_found` (exit 2), `validation_failed` (exit 4) with every fault */
export async function readProject(context: CommandContext): Promise<Project> {
  const { host } = context;
  const found = findProjectDir(context.option("project"), host.cwd);
  if (found.dir === null) {
    const hint = "Go to its folder, give --project DIR, or make one with `reactor init`";
    throw new CliError("config", "project_not_found", `There is no project in ${host.cwd}`, hint);
  }
  const config = await host.loadConfig(found, {});
  const { functions, faults } = discoverFunctions(found.dir, config.lists["functions"] ?? []);
  const { migrations_dir: folder = "", seed_files: seedFiles = ["seed.sql"] } = config.section<{
    migrations_dir?: string;
    seed_files?: string[];
  }>("data");
  const sqlDir = resolve(found.dir, folder || "migrations");
  const files = existsSync(sqlDir) ? readdirSync(sqlDir).sort() : [];
  const sql = files.filter((file) => file.endsWith(".sql"));
  const all = [...faults, ...sql.flatMap(migrationFault)];
  if (all.length > 0) {
    const message = `The project has faults:\n${all.map((fault) => `  ${fault}`).join("\n")}`;
    throw new CliError("validation", "validation_failed", message);
  }
  const migrations = sql.map((file) => ({
    name: file.slice(0, -".sql".length),
    bytes: withUnixLines(readFileSync(join(sqlDir, file))),
  }));
  return { dir: found.dir, migrationsDir: sqlDir, migrations, seedFiles, functions };
}

/** As the ledger counts them: a checkout with Windows line ends is the same migration. */
function withUnixLines(text: Buffer): Uint8Array {
  return text.includes("\r\n") ? Buffer.from(text.toString("utf8").replaceAll("\r\n", "\n")) : text;
}

/** As `/_admin` takes them. */
export function migrationTexts({ migrations }: Project): { name: string; sql: string }[] {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  return migrations.map(({ name, bytes }) => ({ name, sql: decoder.decode(bytes) }));
}

const TIMESTAMP_DIGITS = 14;
const FIRST = "0001";

/**
 * A name after the last one, numbered as the others are: `0007_title`, or by the time.
 * @param nowMs for projects whose migrations are numbered by time.
 */
export function nextMigrationName({ migrations }: Project, title: string, nowMs: number): string {
  const numbers = migrations.map(({ name }) => /^\d+/.exec(name)?.[0] ?? "");
  const last = numbers.reduce((a, b) => (BigInt(b || 0) > BigInt(a || 0) ? b : a), "");
  if (last === "") return `${FIRST}_${title}`;
  const byTime = new Date(nowMs).toISOString().replaceAll(/\D/g, "").slice(0, TIMESTAMP_DIGITS);
  const next = String(BigInt(last) + 1n).padStart(last.length, "0");
  const isTimed = last.length === TIMESTAMP_DIGITS && byTime > last;
  return `${isTimed ? byTime : next}_${title}`;
}

function migrationFault(file: string): string[] {
  return MIGRATION_NAME.test(file.slice(0, -".sql".length))
    ? []
    : [`${file}: a migration's name begins with a number, as in 0001_${file}`];
}

/** The functions named, or all. @throws CliError `function_not_found` */
export function chooseFunctions(project: Project, names: readonly string[]): ProjectFunction[] {
  const known = project.functions.map(({ name }) => name);
  for (const name of names) {
    if (known.includes(name)) continue;
    const nearest = nearestName(name, known);
    const hint =
      nearest === null ? `The project has: ${known.join(", ")}` : `Did you mean ${nearest}?`;
    throw new CliError("user", "function_not_found", `The project has no function '${name}'`, hint);
  }
  return project.functions.filter(({ name }) => names.length === 0 || names.includes(name));
}
