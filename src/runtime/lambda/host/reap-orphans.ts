/**
 * Processes whose parent has ended belong to the first of their namespace, which is a host, and stay in
 * the way of others until it has taken note of their end.
 */
import { readdirSync, readFileSync } from "node:fs";
import { addressOf, syscall } from "../../../shared/linux/kernel.ts";
import { callNumber } from "../../../shared/linux/syscalls.ts";

const WNOHANG = 1;

/** @param own children that somebody else waits for */
export function reapOrphans(own: readonly number[]): void {
  const status = new Int32Array(1);
  for (const pid of children()) {
    if (!own.includes(pid)) syscall(callNumber("wait4"), pid, addressOf(status), WNOHANG, 0);
  }
}

/** They belong to one thread or the other. */
function children(): number[] {
  return readdirSync("/proc/self/task").flatMap((thread) => {
    try {
      const text = readFileSync(`/proc/self/task/${thread}/children`, "latin1");
      return text.split(" ").flatMap((pid) => Number(pid) || []);
    } catch {
      // The thread has ended.
      return [];
    }
  });
}
