/**
 * Keys, tokens and passwords of people pass through the server's memory: other processes of the same
 * user (a shell script, a function on a machine without the jail) shall not attach to it, read its
 * environment or find it in a core dump.
 */
import type { Logger } from "../../core/ports/log.ts";
import { kernel } from "../../shared/linux/kernel.ts";

/** prctl(2): also takes /proc/<pid> from the user and forbids ptrace to anybody but root. */
const PR_SET_DUMPABLE = 4;

/** For the life of the process. Says so where it cannot be done; nothing on other systems than Linux. */
export function closeMemory(log: Logger): void {
  if (process.platform !== "linux") return;
  const closed = kernel()?.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) === 0;
  if (!closed) log.warn("server.memory_open", { reason: "prctl(PR_SET_DUMPABLE) failed" });
}
