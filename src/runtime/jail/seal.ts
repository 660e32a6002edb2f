/**
 * The second step into the jail, by the role itself: what an execve would undo, and the filter that
 * forbids it. Called when the process has opened the sockets it needs and before any code of others
 * is in it; from here on there are no new sockets, processes or programs.
 */
import { must, needKernel } from "../../shared/linux/kernel.ts";
import { filterProgram, installFilter } from "./seccomp.ts";

const PR_SET_DUMPABLE = 4;

/** For ever, for every thread. Throws when it cannot be done: then the process must not go on. */
export function seal(): void {
  // Nobody of the same user reads its memory or attaches to it.
  must("prctl", needKernel().prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
  installFilter(filterProgram(process.pid));
}
