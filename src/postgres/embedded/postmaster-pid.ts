/**
 * Reads `postmaster.pid`, PostgreSQL's own account of its start (src/include/utils/pidfile.h): line 1
 * is the pid, line 8 the state, padded. Polling the socket instead would fill the log with refusals.
 */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

export interface PostmasterPid {
  readonly pid: number;
  /** `starting`, `stopping`, `ready` or `standby`; empty before it is first written. */
  readonly state: string;
}

/** Null when there is no file, or it is only half written. */
export function readPostmasterPid(cluster: string): PostmasterPid | null {
  let text: string;
  try {
    text = readFileSync(join(cluster, "postmaster.pid"), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
  const lines = text.split("\n");
  const pid = Number(lines[0]);
  return Number.isInteger(pid) && pid > 0 ? { pid, state: (lines[7] ?? "").trim() } : null;
}

/** Only for a file whose process is proven to be gone, with the folder's lock held. */
export function removePostmasterPid(cluster: string): void {
  rmSync(join(cluster, "postmaster.pid"), { force: true });
}
