/**
 * One subscriber's stream: bounded, and cut off with a reason when its reader is too slow. What waits
 * for the reader is held here, so nobody else waits for it.
 */
import type { Clock } from "../../../../core/ports/clock.ts";

export interface EventStreamOptions {
  readonly clock: Clock;
  /** Bytes that may wait for the reader. */
  readonly maxWaitingBytes: number;
  /** Called once, when the reader has gone or was cut off. */
  readonly onEnd: () => void;
}

/** So much is handed to the socket at once. */
const HIGH_WATER_BYTES = 16 * 1024;
/** How long a reader that was told of its end may take to read that. */
const LAST_WORDS_MS = 5_000;

export class EventStream {
  readonly body: ReadableStream<Uint8Array>;
  readonly #options: EventStreamOptions;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #isOpen = true;
  #onDrain: (() => void) | null = null;
  #cancelLastWords: () => void = () => undefined;
  /** Monotonic; for heartbeats. */
  wroteAtMs: number;

  constructor(options: EventStreamOptions) {
    this.#options = options;
    this.wroteAtMs = options.clock.monotonic();
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => this.#drained(),
        cancel: () => this.#leave(),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: HIGH_WATER_BYTES }),
    );
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** False when it was too much: the stream must be ended. */
  write(bytes: Uint8Array): boolean {
    if (!this.#isOpen) return true;
    const waitingBytes = this.#waitingBytes();
    // One event, however large, is nothing that its reader could have read before.
    const isTooMuch = waitingBytes + bytes.length > this.#options.maxWaitingBytes;
    if (waitingBytes > 0 && isTooMuch) return false;
    this.#enqueue(bytes);
    return true;
  }

  /** Resolves when the reader has taken most of what waited, or has gone. */
  drain(): Promise<void> {
    if (!this.#isOpen || this.#waitingBytes() === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onDrain = resolve;
    });
  }

  /** Writes the last event and closes, also for a reader that does not read it. */
  end(lastWords: Uint8Array): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#enqueue(lastWords);
    if (this.#waitingBytes() === 0) {
      this.#close();
      return;
    }
    this.#cancelLastWords = this.#options.clock.after(LAST_WORDS_MS, () => {
      this.#onDrain = null;
      this.#controller.error(new Error("the reader is too slow"));
      this.#leave();
    });
    this.#onDrain?.();
    this.#onDrain = () => this.#close();
  }

  /** Beyond what the socket takes. */
  #waitingBytes(): number {
    return Math.max(0, -(this.#controller.desiredSize ?? 0));
  }

  #enqueue(bytes: Uint8Array): void {
    this.#controller.enqueue(bytes);
    this.wroteAtMs = this.#options.clock.monotonic();
  }

  #drained(): void {
    const resolve = this.#onDrain;
    this.#onDrain = null;
    resolve?.();
  }

  #close(): void {
    this.#controller.close();
    this.#leave();
  }

  #leave(): void {
    this.#isOpen = false;
    this.#cancelLastWords();
    this.#drained();
    this.#options.onEnd();
  }
}
