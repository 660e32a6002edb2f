/** What /proc tells about other processes: who is alive, and who works in a given folder. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";

/** A folder as the kernel knows it; the same one may have several paths. */
export interface FolderIdentity {
  readonly device: number;
  readonly inode: number;
}

export function folderIdentity(path: string): FolderIdentity {
  const { dev, ino } = statSync(path);
  return { device: dev, inode: ino };
}

/** False for a process that is gone or only waits to be reaped. */
export function isRunning(pid: number): boolean {
  const stat = readOrNull(`/proc/${pid}/stat`);
  // The state follows the program's name, which is in brackets and may itself hold brackets.
  const state = stat?.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3);
  return state !== undefined && state !== "Z" && state !== "X";
}

/** True also for a zombie: the number is taken. */
export function exists(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}

/** True when the process's working folder is that folder; false also when we may not look. */
export function worksIn(pid: number, folder: FolderIdentity): boolean {
  try {
    const found = folderIdentity(`/proc/${pid}/cwd`);
    return found.device === folder.device && found.inode === folder.inode;
  } catch {
    return false;
  }
}

/** Live `postgres` processes whose working folder is that folder. */
export function postgresProcessesIn(folder: FolderIdentity): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => readOrNull(`/proc/${pid}/comm`)?.trim() === "postgres")
    .filter((pid) => isRunning(pid) && worksIn(pid, folder));
}

/** Sends a signal; false when the process is gone. */
export function signalProcess(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}

function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
