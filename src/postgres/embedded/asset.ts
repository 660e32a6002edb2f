/** Finds the packed PostgreSQL: inside the executable, or in `.build/` when run from source. */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { embeddedErrors } from "./errors.ts";
import { type PackedFiles, packedFiles } from "./packed-files.ts";

const BUILD_FOLDER = resolve(import.meta.dir, "../../../.build");

/** Throws `StartupError` when this build carries no PostgreSQL or it has not been packed yet. */
export function findPackedPostgres(): PackedFiles {
  if (packedFiles) return packedFiles;
  if (Bun.isStandaloneExecutable) throw embeddedErrors.not_carried();
  const target = `linux-${process.arch}`;
  const manifest = join(BUILD_FOLDER, `postgres-${target}.json`);
  if (process.platform !== "linux") throw embeddedErrors.not_carried();
  if (!existsSync(manifest)) throw embeddedErrors.not_packed(manifest);
  const { version, sha256 } = JSON.parse(readFileSync(manifest, "utf8")) as PackedFiles;
  return {
    version,
    sha256,
    server: join(BUILD_FOLDER, `postgres-${target}.tar.zst`),
    template: join(BUILD_FOLDER, "postgres-template.tar.zst"),
  };
}
