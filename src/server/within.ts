/** Waits for a part to end, but not for ever: one that hangs must not keep the rest from ending. */
import type { Clock } from "../core/ports/clock.ts";

/** False when `work` has not ended in time; it goes on unobserved. Rejects as `work` does. */
export async function endedWithin(clock: Clock, ms: number, work: Promise<void>): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<false>();
  const cancel = clock.after(ms, () => resolve(false));
  // A failure after the deadline has nobody left to hear it.
  work.catch(() => undefined);
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    cancel();
  }
}
