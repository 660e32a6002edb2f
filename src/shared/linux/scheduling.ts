/**
 * Who runs first where there is more to do than processors. A slice is how long a thread may go on when
 * another has come, and who has a shorter one than whoever runs takes its place when it wakes (Linux 6.12
 * and later, sched_setattr(2)); before that only the nice value counts, elsewhere nothing of this does.
 * Nobody gets more of a processor by it, only sooner.
 */
import { getPriority } from "node:os";
import { addressOf, kernel, syscall } from "./kernel.ts";
import { callNumber } from "./syscalls.ts";

/** Nanoseconds; the kernel's own is 0.7 to 3 ms by the number of processors. */
const SLICES = {
  /** For who answers others: the least there is. What it starts has the usual slice again. */
  soon: 100_000n,
  usual: 0n,
  /** For work that nobody feels when it comes a little later. */
  late: 10_000_000n,
} as const;

const RESET_ON_FORK = 1n;

/**
 * @param thread its id, which is the process's for the first; 0 = the calling one
 * @param nice default that of this process, which its children have too
 * @returns whether it was done
 */
export function scheduleThread(
  thread: number,
  when: keyof typeof SLICES,
  nice = getPriority(),
): boolean {
  if (!kernel()) return false;
  const wanted = new Uint8Array(48);
  // `struct sched_attr`, of the ordinary policy (0).
  const view = new DataView(wanted.buffer);
  view.setUint32(0, wanted.length, true);
  view.setBigUint64(8, when === "soon" ? RESET_ON_FORK : 0n, true);
  view.setInt32(16, nice, true);
  view.setBigUint64(24, SLICES[when], true);
  return syscall(callNumber("sched_setattr"), thread, addressOf(wanted), 0) === 0;
}
