/**
 * Reads a child's link at the pace that it may have. The server has one thread for everybody: it takes a
 * few frames in a turn of the event loop, and while more has come than a function has to say, the socket
 * is not read; who writes to it waits.
 */
import type { Clock } from "../../core/ports/clock.ts";
import type { LinkFlow } from "../flow.ts";
import type { FrameLink } from "./frame-link.ts";

/** The part of a Bun socket that is used here. */
export interface PausableSocket {
  pause(): void;
  resume(): void;
}

export interface PacedReaderOptions {
  readonly link: FrameLink;
  readonly flow: LinkFlow;
  readonly socket: PausableSocket;
  readonly clock: Pick<Clock, "after">;
  /** The child sends what cannot be. */
  onBroken(): void;
}

/** About a millisecond's work; a message counts more than one, see `weightOf`. */
export const FRAMES_A_TURN = 200;
/** Of a child that has gone: what it said last, but not all that a flood left. */
const LAST_FRAMES = 1_000;

export class PacedReader {
  readonly #options: PacedReaderOptions;
  #isPaused = false;
  #isOver = false;

  constructor(options: PacedReaderOptions) {
    this.#options = options;
  }

  take(chunk: Uint8Array): void {
    if (this.#isOver) return;
    // What the system had read before the pause.
    if (this.#isPaused) this.#read((link) => link.receive(chunk, 0));
    else this.#go((link) => link.receive(chunk, FRAMES_A_TURN));
  }

  /** The socket has closed; what waits of it is taken at once. */
  finish(): void {
    if (this.#isPaused) this.#read((link) => link.receiveMore(LAST_FRAMES));
    this.#isOver = true;
  }

  #go(read: (link: FrameLink) => boolean): void {
    const isAll = this.#read(read);
    if (this.#isOver) return;
    const waitMs = this.#options.flow.waitMs();
    if (isAll && waitMs <= 0) this.#resume();
    else this.#pause(waitMs);
  }

  #read(read: (link: FrameLink) => boolean): boolean {
    try {
      return read(this.#options.link);
    } catch {
      this.#isOver = true;
      this.#options.onBroken();
      return true;
    }
  }

  #resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#options.socket.resume();
  }

  #pause(waitMs: number): void {
    if (!this.#isPaused) this.#options.socket.pause();
    this.#isPaused = true;
    const goOn = () => {
      if (!this.#isOver) this.#go((link) => link.receiveMore(FRAMES_A_TURN));
    };
    if (waitMs > 0) this.#options.clock.after(waitMs, goOn);
    else setImmediate(goOn);
  }
}
