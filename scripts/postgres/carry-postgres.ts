/**
 * The bundler plug-in that puts a target's PostgreSQL into an executable: in the place of the module
 * that says where the archives are, one that imports them as files. Used by build.ts and by the tests
 * that need a small executable.
 */
import { join } from "node:path";
import { archivePath, packPostgres } from "../pack-postgres.ts";
import { BUILD_FOLDER, type PostgresTarget } from "./npm-package.ts";

const PACKED_FILES_MODULE = /src\/postgres\/embedded\/packed-files\.ts$/;

/** Null for targets that cannot carry PostgreSQL: the executable then says so when asked for it. */
export function carryPostgres(target: PostgresTarget | null): Bun.BunPlugin {
  const contents = target ? packedFilesModule(target) : "export const packedFiles = null;";
  return {
    name: "carry-postgres",
    setup(build) {
      build.onLoad({ filter: PACKED_FILES_MODULE }, () => ({ contents, loader: "ts" }));
    },
  };
}

function packedFilesModule(target: PostgresTarget): string {
  const { version, sha256 } = packPostgres(target);
  const server = JSON.stringify(archivePath(target));
  const template = JSON.stringify(join(BUILD_FOLDER, "postgres-template.tar.zst"));
  return `
    import server from ${server} with { type: "file" };
    import template from ${template} with { type: "file" };
    export const packedFiles = { server, template, version: "${version}", sha256: "${sha256}" };
  `;
}
