/** Makes the thread that calls it give way to all others of the machine. */
import { constants, setPriority } from "node:os";
import { scheduleThread } from "../../../shared/linux/scheduling.ts";

const NICE = constants.priority.PRIORITY_BELOW_NORMAL;

/** Its share of a machine that has no time left stays a tenth of others': it is not starved. */
export function yieldThread(): void {
  // Elsewhere it would be the whole process that gives way.
  if (process.platform === "linux" && !scheduleThread(0, "late", NICE)) setPriority(NICE);
}
