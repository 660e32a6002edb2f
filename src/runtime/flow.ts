/**
 * How much a child may say to its server, whose one thread serves everybody: what it prints is read no
 * faster than this and then waits in the pipe; a channel that carries more than our own code ever says
 * is nobody's of ours.
 */
import type { Clock } from "../core/ports/clock.ts";

type Now = Pick<Clock, "monotonic">;

/** Of standard output and standard error each. The log takes 1,000 lines a second of it. */
export const OUTPUT_BYTES_PER_S = 4 * 1024 * 1024;
/** Our own code says at most 1,000 log lines of 8 KiB a second, and two words for each call beside its answer. */
export const LINK_BYTES_PER_S = 24 * 1024 * 1024;
export const LINK_FRAMES_PER_S = 100_000;

/** False once more was taken than a second's worth at once, or than that a second. */
export function createAllowance(clock: Now, perS: number): (amount: number) => boolean {
  let left = perS;
  let at = clock.monotonic();
  return (amount) => {
    const now = clock.monotonic();
    left = Math.min(perS, left + ((now - at) * perS) / 1000) - amount;
    at = now;
    return left >= 0;
  };
}

/** Milliseconds to wait after so much, for it not to be more a second; a tenth of a second's worth is free. */
export function createPace(clock: Now, perS: number): (amount: number) => number {
  let dueAt = clock.monotonic();
  return (amount) => {
    const now = clock.monotonic();
    dueAt = Math.max(dueAt, now - 100) + (amount * 1000) / perS;
    return Math.max(0, dueAt - now);
  };
}

/** What one link may carry beside the answers to calls and the bodies, which have bounds of their own. */
export interface LinkAllowance {
  /** @throws RangeError: more than a function has to say */
  expectFrame(): void;
  /** @throws RangeError */
  expectBytes(bytes: number): void;
}

export function createLinkAllowance(clock: Now): LinkAllowance {
  const mayBytes = createAllowance(clock, LINK_BYTES_PER_S);
  const mayFrames = createAllowance(clock, LINK_FRAMES_PER_S);
  const expect = (isAllowed: boolean) => {
    if (!isAllowed) throw new RangeError("More than a function has to say");
  };
  return {
    expectFrame: () => expect(mayFrames(1)),
    expectBytes: (bytes) => expect(mayBytes(bytes)),
  };
}
