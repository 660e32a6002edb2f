/** What is still said once the program has ended, before its host ends too. */
import type { Clock } from "../../../core/ports/clock.ts";

const LOOK_MS = 10;
/** Then whoever is still owed an answer fails with this process. */
const PATIENCE_MS = 1_000;

/**
 * Resolves when only what the program has taken with it is unanswered. A call that it has not seen is
 * given to another process if it is told so, and is lost if this one just goes.
 *
 * @param owed there are calls that still can be answered
 */
export async function lastAnswers(owed: () => boolean, clock: Clock): Promise<void> {
  const end = clock.monotonic() + PATIENCE_MS;
  // Two looks in a row: a call may have been on its way during the first.
  for (let looks = 0; looks < 2 && clock.monotonic() < end; ) {
    await clock.sleep(LOOK_MS);
    looks = owed() ? 0 : looks + 1;
  }
}
