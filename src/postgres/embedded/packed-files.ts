/**
 * Where the packed PostgreSQL lies. Run from source there is nothing embedded: the value is null and
 * `.build/` is used. The build (build.ts) replaces this module by one that imports the archives of its
 * target as files, and by `null` for targets that cannot carry PostgreSQL (musl).
 */

/** Paths readable with `Bun.file`, and what identifies the archive. */
export interface PackedFiles {
  readonly server: string;
  readonly template: string;
  /** `18.4`. */
  readonly version: string;
  /** sha256 of the server archive, hex. */
  readonly sha256: string;
}

export const packedFiles: PackedFiles | null = null;
