/**
 * Packs PostgreSQL for the executable: `.build/postgres-<target>.tar.zst` (the server),
 * `.build/postgres-template.tar.zst` (a ready data directory) and `.build/postgres-<target>.json`
 * (what they are). Needs nothing but the npm package; skipped when the inputs are unchanged.
 *
 * `bun scripts/pack-postgres.ts [linux-x64|linux-arm64 ...]`, default the host's. Called by build.ts,
 * by the development start and by the tests.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  BUILD_FOLDER,
  type PostgresTarget,
  postgresPackage,
  REPOSITORY,
} from "./postgres/npm-package.ts";
import { initdbFiles, serverFiles } from "./postgres/package-files.ts";
import { type TarEntry, writeTar } from "./postgres/tar.ts";
import { makeTemplate } from "./postgres/template.ts";

/** What `.build/postgres-<target>.json` holds; `src/postgres/embedded/asset.ts` reads it. */
export interface PackedPostgres {
  /** Hash of the inputs: same key, same packing. */
  readonly key: string;
  readonly version: string;
  /** sha256 of the server archive, hex: names the unpacked folder. */
  readonly sha256: string;
  readonly packedBytes: number;
  readonly unpackedBytes: number;
}

/** Of zstd: packing is rare, and the download has a budget. */
const LEVEL = 22;
const DECIDING_SCRIPTS = [
  "elf.ts",
  "icu-data.ts",
  "one-session.ts",
  "package-files.ts",
  "tar.ts",
  "template.ts",
];
const TEMPLATE = join(BUILD_FOLDER, "postgres-template.tar.zst");

/** The host as a packing target, or null where PostgreSQL cannot be embedded (musl, other systems). */
export function hostTarget(): PostgresTarget | null {
  const isGlibc = process.platform === "linux" && !existsSync("/etc/alpine-release");
  if (!isGlibc) return null;
  if (process.arch === "x64") return "linux-x64";
  return process.arch === "arm64" ? "linux-arm64" : null;
}

/** Packs for one target unless that is done. Builds the template too when it is missing or old. */
export function packPostgres(target: PostgresTarget): PackedPostgres {
  const { native, version } = postgresPackage(target);
  const key = inputsKey(target, version);
  const manifestPath = join(BUILD_FOLDER, `postgres-${target}.json`);
  const known = readManifest(manifestPath);
  packTemplate();
  if (known?.key === key && existsSync(archivePath(target))) return known;
  const tar = writeTar(serverFiles(native, target));
  const packed = Bun.zstdCompressSync(tar, { level: LEVEL });
  writeAtomically(archivePath(target), packed);
  const sha256 = new Bun.CryptoHasher("sha256").update(packed).digest("hex");
  const manifest: PackedPostgres = {
    key,
    version: postgresVersion(version),
    sha256,
    packedBytes: packed.length,
    unpackedBytes: tar.length,
  };
  writeAtomically(manifestPath, JSON.stringify(manifest));
  return manifest;
}

/** Where the server archive of a target lies once packed. */
export function archivePath(target: PostgresTarget): string {
  return join(BUILD_FOLDER, `postgres-${target}.tar.zst`);
}

/** `18.4.0-beta.17` -> `18.4`, as PostgreSQL names itself. */
function postgresVersion(packageVersion: string): string {
  return packageVersion.split(".").slice(0, 2).join(".");
}

function packTemplate(): void {
  const host = hostTarget();
  if (!host) throw new Error("the template data directory can only be made on Linux with glibc");
  const { native, version } = postgresPackage(host);
  const key = inputsKey("template", version);
  const keyPath = join(BUILD_FOLDER, "postgres-template.key");
  if (existsSync(TEMPLATE) && existsSync(keyPath) && readFileSync(keyPath, "utf8") === key) return;
  const runnable: TarEntry[] = [...serverFiles(native, host), ...initdbFiles(native)];
  const packed = Bun.zstdCompressSync(writeTar(makeTemplate(runnable)), { level: LEVEL });
  writeAtomically(TEMPLATE, packed);
  writeAtomically(keyPath, key);
}

function readManifest(path: string): PackedPostgres | null {
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as PackedPostgres) : null;
}

/** Everything that decides what comes out: the package's version and these scripts. */
function inputsKey(target: string, version: string): string {
  const hash = new Bun.CryptoHasher("sha256").update(
    `${target}\n${version}\n${Bun.version}\n${LEVEL}\n`,
  );
  for (const file of DECIDING_SCRIPTS) {
    hash.update(readFileSync(join(REPOSITORY, "scripts/postgres", file)));
  }
  return hash.digest("hex");
}

function writeAtomically(path: string, content: Uint8Array | string): void {
  mkdirSync(BUILD_FOLDER, { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, content);
  renameSync(temporary, path);
}

if (import.meta.main) {
  const host = hostTarget();
  const asked = process.argv.slice(2);
  const targets = asked.length > 0 ? asked : host ? [host] : [];
  for (const target of targets) {
    const packed = packPostgres(target as PostgresTarget);
    const sizes = `${mega(packed.unpackedBytes)} MB unpacked, ${mega(packed.packedBytes)} MB packed`;
    console.log(`PostgreSQL ${packed.version} for ${target}: ${sizes}`);
  }
}

function mega(sizeBytes: number): string {
  return (sizeBytes / 1e6).toFixed(2);
}
