/** What the kernel tells of a thread's slice: `src/shared/linux/scheduling.ts`. */
import { existsSync, readFileSync } from "node:fs";
import { release } from "node:os";

/** Nanoseconds; null where the kernel takes no wishes (before Linux 6.12) or does not tell. */
export function sliceOf(pid: number | "self"): number | null {
  const [major = 0, minor = 0] = release().split(".").map(Number);
  const file = `/proc/${pid}/sched`;
  if (major < 6 || (major === 6 && minor < 12) || !existsSync(file)) return null;
  const told = /^se\.slice\s*:\s*(\d+)/m.exec(readFileSync(file, "utf8"))?.[1];
  return told === undefined ? null : Number(told);
}
