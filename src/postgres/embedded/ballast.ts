/**
 * 64 MiB held back on the data folder's disk. When PostgreSQL panics because the disk is full, its
 * crash recovery needs space to start again; the supervisor then gives this up. It is made again at a
 * later start, when there is room.
 */
import { closeSync, openSync, rmSync, statfsSync, statSync } from "node:fs";
import { join } from "node:path";
import { libc } from "./libc.ts";

const BALLAST_BYTES = 64 * 1024 * 1024;
const ROOM_BYTES = 1024 * 1024 * 1024;

/** Makes it when more than 1 GiB is free. Never an error: it is a precaution. */
export function keepBallast(dataDir: string): void {
  const path = join(dataDir, "ballast");
  if (statSync(path, { throwIfNoEntry: false })?.size === BALLAST_BYTES) return;
  const { bavail, bsize } = statfsSync(dataDir);
  if (bavail * bsize <= ROOM_BYTES) return;
  const fd = openSync(path, "w", 0o600);
  const failed = libc().posix_fallocate(fd, 0, BALLAST_BYTES) !== 0;
  closeSync(fd);
  if (failed) rmSync(path, { force: true });
}

/** Frees it. False when there was none. */
export function dropBallast(dataDir: string): boolean {
  const path = join(dataDir, "ballast");
  if (!statSync(path, { throwIfNoEntry: false })) return false;
  rmSync(path, { force: true });
  return true;
}
