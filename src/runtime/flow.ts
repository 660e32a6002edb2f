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
 * Of bodies, whoever reads them: at full speed one endless answer is most of the server's thread, at this one
 * a fifth, and half a gigabit a second is what one process may need.
 */
export const BODY_BYTES_PER_S = 64 * 1024 * 1024;
/** As how many frames a message counts: its JSON is read. */
export const MESSAGE_FRAMES = 5;

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
  /** Runs `goOn`, at once or later, when a body of which so much was read may go on. */
  afterBody(bytes: number, goOn: () => void): void;
}

export function createLinkFlow(clock: Timer): LinkFlow {
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
    afterBody(read, goOn) {
      const waitMs = paceOfBodies(read);
      if (waitMs < WAIT_MIN_MS) goOn();
      else clock.after(waitMs, goOn);
    },
  };
}
