/** Makes the thread that calls it give way to all others of the machine. */
import { constants, setPriority } from "node:os";
import { addressOf, kernel, syscall } from "../../../shared/linux/kernel.ts";
import { callNumber } from "../../../shared/linux/syscalls.ts";

const NICE = constants.priority.PRIORITY_BELOW_NORMAL;
/**
 * How long it may go on when somebody else has come, nanoseconds: the least there is. The usual slice
 * is about 3 ms, which is what a read would wait. Kernels before 6.12 do not ask (sched_setattr(2)).
 */
const SLICE_NS = 100_000n;

/** Its share of a machine that has no time left stays a tenth of others': it is not starved. */
export function yieldThread(): void {
  // Elsewhere it would be the whole process that gives way.
  if (process.platform !== "linux") return;
  const wanted = attributes();
  if (!kernel() || syscall(callNumber("sched_setattr"), 0, addressOf(wanted), 0) < 0) {
    setPriority(NICE);
  }
}

/** `struct sched_attr`: the ordinary policy (0) with our nice value and slice. */
function attributes(): Uint8Array {
  const bytes = new Uint8Array(48);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setInt32(16, NICE, true);
  view.setBigUint64(24, SLICE_NS, true);
  return bytes;
}
