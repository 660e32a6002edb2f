/** What another process of ours uses, read from /proc. The watchdogs and `processes()` use it. */
import { readFileSync } from "node:fs";

export interface ProcessUsage {
  /** What the process alone makes the machine hold, bytes: see `memoryIn`. */
  readonly memoryBytes: number;
  readonly threads: number;
  /** Processor time of all its threads so far. */
  readonly cpuMs: number;
}

const NOTHING: ProcessUsage = { memoryBytes: 0, threads: 0, cpuMs: 0 };
/** USER_HZ, which is 100 on all that we run on. */
const TICK_MS = 10;
/** Places in /proc/<pid>/stat behind the name in parentheses (proc(5): fields 14, 15 and 20). */
const USER_TICKS = 11;
const SYSTEM_TICKS = 12;
const THREADS = 17;

/** Zeros when `pid` is gone or the platform has no /proc. */
export function processUsage(pid: number): ProcessUsage {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const cpuMs = (Number(fields[USER_TICKS]) + Number(fields[SYSTEM_TICKS])) * TICK_MS;
    const memoryBytes = memoryIn(readFileSync(`/proc/${pid}/status`, "latin1"));
    return { memoryBytes, threads: Number(fields[THREADS]), cpuMs };
  } catch {
    return NOTHING;
  }
}

/** Of `pid`; 0 when it is gone or the platform has no /proc. */
export function processMemory(pid: number): number {
  return processUsage(pid).memoryBytes;
}

const COUNTED = /^(?:RssAnon|RssShmem|VmPTE|VmSwap):\s+(\d+) kB$/gm;

/**
 * Of a process's `status` (proc(5)): its own pages and shared ones of no file, resident or swapped out, and its
 * page tables, which a hundred gigabytes of nothing can make large. Pages of files, the program's own above all,
 * are the machine's: it takes them back when it needs them.
 */
export function memoryIn(status: string): number {
  let kib = 0;
  for (const [, amount] of status.matchAll(COUNTED)) kib += Number(amount);
  return kib * 1024;
}
