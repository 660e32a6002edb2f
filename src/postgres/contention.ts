/**
 * Repeats what collided with somebody else's change of the same catalogue rows. Roles are shared by all
 * databases of a PostgreSQL: two servers that start at once alter the same one, and no lock of a single
 * database keeps them apart.
 */
import type { Clock } from "../core/ports/clock.ts";

/** Of many that collide at once, at least one gets through each time. */
const MAX_ATTEMPTS = 30;
const PAUSE_MAX_MS = 100;

/** Runs `work` up to thirty times, 20 to 100 ms apart; throws its last error, and any other at once. */
export async function repeatContended<T>(clock: Clock, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (attempt === MAX_ATTEMPTS || !isContention(error)) throw error;
      await clock.sleep(Math.min(attempt * 20, PAUSE_MAX_MS));
    }
  }
}

/** serialization_failure, deadlock_detected, and two changes of one catalogue row; itself or as the cause. */
function isContention(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code, message, cause } = error as Error & { code?: unknown };
  if (code === "40001" || code === "40P01") return true;
  if (code === "XX000" && /concurrently (updated|deleted)/.test(message)) return true;
  return cause !== undefined && isContention(cause);
}
