/**
 * One server per data folder: an exclusive `flock` on `<dataDir>/lock`, held for the life of the
 * process. The kernel drops it however the process ends, so there is nothing to clean up. The file's
 * text (the holder's pid) is for people only.
 */
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { embeddedErrors } from "./errors.ts";
import { libc } from "./libc.ts";

const LOCK_EX = 2;
const LOCK_NB = 4;

/** Throws `postgres_folder_in_use` when another server holds it. Returns the function that lets go. */
export function lockDataFolder(dataDir: string): () => void {
  const path = join(dataDir, "lock");
  const fd = openSync(path, "a+", 0o600);
  if (libc().flock(fd, LOCK_EX | LOCK_NB) !== 0) {
    closeSync(fd);
    throw embeddedErrors.folder_in_use(dataDir, readFileSync(path, "utf8").trim() || "unknown");
  }
  ftruncateSync(fd);
  writeSync(fd, `${process.pid}\n`);
  return () => closeSync(fd);
}
