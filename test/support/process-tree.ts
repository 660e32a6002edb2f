/**
 * What /proc tells about a server and its children, from outside: who descends from whom, who is
 * still alive, how much memory all of them hold. For tests that kill processes or count them.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** A process, told apart from a later one with the same number by when it was started. */
export interface SeenProcess {
  readonly pid: number;
  readonly parent: number;
  /** Its process group and its session, each the pid of who leads it. */
  readonly group: number;
  readonly session: number;
  /** The device of its controlling terminal, 0 for none. */
  readonly terminal: number;
  /** Clock ticks since the machine booted. */
  readonly startedAt: number;
  /** `Z` has ended and waits to be reaped. */
  readonly state: string;
  /** Arguments, joined by blanks. */
  readonly command: string;
}

/** Every process that may be looked at. */
export function allProcesses(): SeenProcess[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => look(Number(name)))
    .filter((seen) => seen !== null);
}

/** `pid` itself and all that descend from it, zombies left out. */
export function processTree(pid: number, all = allProcesses()): SeenProcess[] {
  const tree = all.filter((seen) => seen.pid === pid);
  for (const seen of tree) tree.push(...all.filter(({ parent }) => parent === seen.pid));
  return tree.filter(({ state }) => state !== "Z");
}

/** Those of `seen` that still run. */
export function stillRunning(seen: readonly SeenProcess[]): SeenProcess[] {
  return seen.filter((before) => {
    const now = look(before.pid);
    return now?.startedAt === before.startedAt && now.state !== "Z" && now.state !== "X";
  });
}

/**
 * What was started from `program` or works below `folder` and does not descend from `pid` (nobody:
 * 0): children that outlived their server.
 */
export function orphansOf(program: string, folder: string, pid: number): SeenProcess[] {
  // One look for both: a child started between two would belong to nobody.
  const all = allProcesses();
  const kept = new Set(pid === 0 ? [] : processTree(pid, all).map((seen) => seen.pid));
  return all.filter((seen) => {
    if (kept.has(seen.pid) || seen.state === "Z") return false;
    const cwd = link(seen.pid, "cwd");
    return link(seen.pid, "exe") === program || cwd === folder || cwd.startsWith(`${folder}/`);
  });
}

/** Memory of the processes with what they share divided fairly, bytes (PSS of smaps_rollup). */
export function proportionalBytes(pids: readonly number[]): number {
  const each = pids.map((pid) => /^Pss:\s+(\d+) kB/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1]);
  return each.reduce((sum, kib) => sum + Number(kib ?? 0) * 1024, 0);
}

/** Null for a process that is gone (proc_pid_stat(5)). */
export function look(pid: number): SeenProcess | null {
  const stat = read(`/proc/${pid}/stat`);
  if (stat === "") return null;
  // The name is in brackets and may hold brackets and blanks itself.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const command = read(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim();
  return {
    pid,
    parent: Number(fields[1]),
    group: Number(fields[2]),
    session: Number(fields[3]),
    terminal: Number(fields[4]),
    startedAt: Number(fields[19]),
    state: fields[0] ?? "",
    command,
  };
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function link(pid: number, name: string): string {
  try {
    return readlinkSync(`/proc/${pid}/${name}`);
  } catch {
    return "";
  }
}
