/** What is still said once the program has ended, before its host ends too. */
import type { Clock } from "../../../core/ports/clock.ts";

const LOOK_MS = 10;
/** Then whoever is still owed an answer fails with this process. */
const PATIENCE_MS = 1_000;

interface Listening {
  /** Calls without a whole answer. */
  readonly pendingRequests: number;
  /** Lets nobody else in. */
  stop(): unknown;
}

/**
 * Resolves when only what the program has `taken` with it is unanswered. A call that it has not seen is
 * given to another process if it is told so, and is lost if this one just goes.
 */
export async function lastAnswers(
  server: Listening,
  taken: () => number,
  clock: Clock,
): Promise<void> {
  const end = clock.monotonic() + PATIENCE_MS;
  const settle = async () => {
    do await clock.sleep(LOOK_MS);
    while (server.pendingRequests > taken() && clock.monotonic() < end);
  };
  await settle();
  void server.stop();
  await settle();
}
