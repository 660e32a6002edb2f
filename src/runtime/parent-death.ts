/**
 * Nothing outlives the server: the kernel kills a child when its parent dies, however it dies.
 * Called first thing by every child role. Needs no event loop, so a spinning guest goes too.
 */
import { kernel, syscall } from "../shared/linux/kernel.ts";
import { callNumber } from "../shared/linux/syscalls.ts";

const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9;

/**
 * Arms the parent-death signal (Linux) and ends at once when the parent is already gone.
 * `parentPid` is what the parent called itself, so that the race between fork and prctl is closed.
 */
export function dieWithParent(parentPid: number): void {
  kernel()?.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (process.ppid !== parentPid) endSelf();
}

/** As the kernel would: no handler of user code gets a say. */
export function endSelf(): void {
  process.kill(process.pid, "SIGKILL");
  // The first process of a namespace does not hear its own signals.
  syscall(callNumber("exit_group"), 1);
}
