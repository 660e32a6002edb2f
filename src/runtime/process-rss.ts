/** Resident memory of another process of ours, read from /proc. The watchdogs and `processes()` use it. */
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

/** Resident bytes of `pid`; 0 when it is gone or the platform has no /proc. */
export function processRss(pid: number): number {
  try {
    const [, resident = "0"] = readFileSync(`/proc/${pid}/statm`, "latin1").split(" ");
    return Number(resident) * PAGE_BYTES;
  } catch {
    return 0;
  }
}
