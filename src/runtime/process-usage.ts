/** What another process of ours uses, read from /proc. The watchdogs and `processes()` use it. */
import { readFileSync } from "node:fs";

const AT_PAGESZ = 6n;

/** From the auxiliary vector (64-bit pairs): 4 KiB on most machines, 16 KiB on a Raspberry Pi 5. */
function readPageBytes(): number {
  try {
    const vector = readFileSync("/proc/self/auxv");
    for (let at = 0; at + 16 <= vector.length; at += 16) {
      if (vector.readBigUInt64LE(at) === AT_PAGESZ) return Number(vector.readBigUInt64LE(at + 8));
    }
  } catch {
    // No /proc: processRss answers 0 anyway.
  }
  return 4096;
}

const PAGE_BYTES = readPageBytes();

export interface ProcessUsage {
  /** Resident memory, bytes. */
  readonly rssBytes: number;
  readonly threads: number;
  /** Processor time of all its threads so far. */
  readonly cpuMs: number;
}

const NOTHING: ProcessUsage = { rssBytes: 0, threads: 0, cpuMs: 0 };
/** USER_HZ, which is 100 on all that we run on. */
const TICK_MS = 10;
/** Places in /proc/<pid>/stat behind the name in parentheses (proc(5): fields 14, 15, 20 and 24). */
const USER_TICKS = 11;
const SYSTEM_TICKS = 12;
const THREADS = 17;
const RESIDENT_PAGES = 21;

/** Zeros when `pid` is gone or the platform has no /proc. */
export function processUsage(pid: number): ProcessUsage {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const rssBytes = Number(fields[RESIDENT_PAGES]) * PAGE_BYTES;
    const cpuMs = (Number(fields[USER_TICKS]) + Number(fields[SYSTEM_TICKS])) * TICK_MS;
    return { rssBytes, threads: Number(fields[THREADS]), cpuMs };
  } catch {
    return NOTHING;
  }
}

/** Resident bytes of `pid`; 0 when it is gone or the platform has no /proc. */
export function processRss(pid: number): number {
  return processUsage(pid).rssBytes;
}
