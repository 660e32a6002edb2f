/**
 * How much a child may say to its server, whose one thread serves everybody: what it prints is read no
 * faster than this and then waits in the pipe, and so it is with the link.
 */
import type { Clock } from "../core/ports/clock.ts";

type Now = Pick<Clock, "monotonic">;
type Timer = Pick<Clock, "monotonic" | "after">;

/** Of standard output and standard error each. The log takes 1,000 lines a second of it. */
export const OUTPUT_BYTES_PER_S = 4 * 1024 * 1024;
/** Our own code says at most 1,000 log lines of 8 KiB a second, and two words for each call beside its answer. */
export const LINK_BYTES_PER_S = 24 * 1024 * 1024;
export const LINK_FRAMES_PER_S = 100_000;
/**
 * Of the bodies of one process, whoever reads them: at full speed one endless answer is most of the server's
 * thread, at this one a fifth, and half a gigabit a second is what one process may need.
 */
export const BODY_BYTES_PER_S = 64 * 1024 * 1024;

/**
 * Of all long bodies together, for each processor, while others are served: 128 Mbit a second on two. What a body
 * costs is not the server's thread alone, it is also who makes it, the network, and on a small machine who reads it.
 */
export const SHARED_BYTES_PER_S = 8 * 1024 * 1024;
/** A body has to share from here on: pages, pictures and the like go as they come. */
export const UNSHARED_BYTES = 4 * 1024 * 1024;
/** Others are served when so many requests came within so long. */
export const SERVED_MIN = 5;
const SERVED_WITHIN_MS = 500;

const FREE_MS = 100;
/** Shorter waits are not worth a timer: they add up to one that is. */
const WAIT_MIN_MS = 4;

/** Milliseconds to wait after so much, for it not to be more a second; a tenth of a second's worth is free. */
export function createPace(clock: Now, perS: number): (amount: number) => number {
  let dueAt = Number.NEGATIVE_INFINITY;
  return (amount) => {
    const now = clock.monotonic();
    dueAt = Math.max(dueAt, now - FREE_MS) + (amount * 1000) / perS;
    return Math.max(0, dueAt - now);
  };
}

/** The share of the server that long bodies have, those of all processes. */
export interface BodyShare {
  /** Milliseconds to wait after so many bytes of a body; 0 while nobody else asks for anything. */
  waitMs(bytes: number): number;
}

const ALONE: BodyShare = { waitMs: () => 0 };

/**
 * @param requests how many have come to the server so far, for whatever
 * @param processors of the machine
 */
export function createBodyShare(
  clock: Now,
  requests: () => number,
  processors = navigator.hardwareConcurrency,
): BodyShare {
  const pace = createPace(clock, Math.min(BODY_BYTES_PER_S, SHARED_BYTES_PER_S * processors));
  let [countedAt, counted, isShared] = [Number.NEGATIVE_INFINITY, 0, false];
  return {
    waitMs(bytes) {
      const now = clock.monotonic();
      if (now - countedAt >= SERVED_WITHIN_MS) {
        const count = requests();
        // After a pause the count says nothing of the last half second.
        isShared = now - countedAt < 2 * SERVED_WITHIN_MS && count - counted >= SERVED_MIN;
        [countedAt, counted] = [now, count];
      }
      return isShared ? pace(bytes) : 0;
    },
  };
}

/**
 * What one link carries. What is beside the answers to calls and the bodies, which have bounds of their own, is
 * counted as it comes; who reads the link asks between turns how long to wait.
 */
export interface LinkFlow {
  /** @param weight as how many it counts, default 1 */
  countFrame(weight?: number): void;
  countBytes(bytes: number): void;
  /** Milliseconds until more may be read. */
  waitMs(): number;
  /**
   * Runs `goOn`, at once or later, when a body of which so much was read may go on.
   *
   * @param bytes since it was asked last
   * @param soFar bytes of this body, these among them
   */
  afterBody(bytes: number, soFar: number, goOn: () => void): void;
}

/** @param share of the server, which its links have in common. Default: nobody is there to share with */
export function createLinkFlow(clock: Timer, share: BodyShare = ALONE): LinkFlow {
  const paceOfFrames = createPace(clock, LINK_FRAMES_PER_S);
  const paceOfBytes = createPace(clock, LINK_BYTES_PER_S);
  const paceOfBodies = createPace(clock, BODY_BYTES_PER_S);
  let [frames, bytes] = [0, 0];
  return {
    countFrame(weight = 1) {
      frames += weight;
    },
    countBytes(more) {
      bytes += more;
    },
    waitMs() {
      if (frames === 0 && bytes === 0) return 0;
      const waitMs = Math.max(paceOfFrames(frames), paceOfBytes(bytes));
      [frames, bytes] = [0, 0];
      return waitMs;
    },
    afterBody(read, soFar, goOn) {
      const sharedMs = soFar > UNSHARED_BYTES ? share.waitMs(read) : 0;
      const waitMs = Math.max(paceOfBodies(read), sharedMs);
      if (waitMs < WAIT_MIN_MS) goOn();
      else clock.after(waitMs, goOn);
    },
  };
}
