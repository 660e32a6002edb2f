/**
 * An API key counts for as long as it stands, on what stays open too: it is asked about again, so
 * that a revocation, a ban of its owner, another role or fewer scopes count there as well.
 */
import { ReactorError } from "../../../core/errors.ts";
import type { Principal } from "../../../core/ports/auth.ts";
import type { Clock } from "../../../core/ports/clock.ts";

export interface WatchedKey {
  readonly principal: Principal;
  /** Proves it again, without drawing from the key's limits. */
  prove(): Promise<Principal> | Principal;
  /** It may do other things than before. */
  changed(now: Principal): void;
  /** It is not accepted any more. Nothing follows. */
  ended(reason: string): void;
}

const EVERY_MS = 1_000;

/** Ends with the function that it returns. What is no key is not watched. */
export function watchKey(clock: Clock, watched: WatchedKey): () => void {
  if (watched.principal.keyId === undefined) return () => undefined;
  let known = watched.principal;
  let isAsking = false;
  let isOver = false;
  const cancel = clock.every(EVERY_MS, () => {
    if (!isAsking) void look();
  });
  const stop = () => {
    isOver = true;
    cancel();
  };
  const look = async (): Promise<void> => {
    isAsking = true;
    try {
      const now = await watched.prove();
      const isSame = now.claims === known.claims && now.expiresAt === known.expiresAt;
      if (isOver || isSame) return;
      known = now;
      watched.changed(now);
    } catch (error) {
      if (isOver) return;
      // Whoever could not be asked has not refused it.
      const isRefusal = error instanceof ReactorError && error.status < 500;
      if (!isRefusal) return;
      stop();
      watched.ended(error.details ?? error.message);
    } finally {
      isAsking = false;
    }
  };
  return stop;
}
