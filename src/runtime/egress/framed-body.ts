/** Bodies over a link: one end pumps a stream into frames, the other makes a stream of them again. */
import { FRAME, type FrameLink, PAYLOAD_MAX, WINDOW_BYTES } from "./frame-link.ts";

/** A body on its way in. The sender may be `WINDOW_BYTES` ahead of whoever reads `stream`. */
export class InboundBody {
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  #controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | null = null;
  #heldBytes = 0;
  #over = false;

  /** @param onCancel the reader gave up. */
  constructor(link: FrameLink, request: number, onCancel: () => void) {
    this.stream = new ReadableStream<Uint8Array<ArrayBuffer>>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => {
          // Asked for more: what was held has been taken.
          if (this.#heldBytes === 0) return;
          link.sendNumber(FRAME.credit, request, this.#heldBytes);
          this.#heldBytes = 0;
        },
        cancel: () => {
          this.#over = true;
          onCancel();
        },
      },
      { highWaterMark: WINDOW_BYTES / 2, size: (chunk) => chunk?.length ?? 0 },
    );
  }

  /** Throws a RangeError when the sender sends more than it was allowed. */
  push(chunk: Uint8Array<ArrayBuffer>): void {
    if (this.#over || chunk.length === 0) return;
    this.#heldBytes += chunk.length;
    if (this.#heldBytes > WINDOW_BYTES) throw new RangeError("A body overruns its window");
    this.#controller?.enqueue(chunk);
  }

  end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#controller?.close();
  }

  fail(error: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#controller?.error(error);
  }
}

/** A body on its way out. */
export class OutboundBody {
  readonly #link: FrameLink;
  readonly #request: number;
  #allowedBytes = WINDOW_BYTES;
  #wake: (() => void) | null = null;
  #cancelled = false;
  #reader: ReadableStreamDefaultReader<Uint8Array> | null = null;

  constructor(link: FrameLink, request: number) {
    this.#link = link;
    this.#request = request;
  }

  /** Never more than the window: a reader that promises more does not mean to read. */
  credit(bytes: number): void {
    this.#allowedBytes = Math.min(WINDOW_BYTES, this.#allowedBytes + bytes);
    this.#wake?.();
  }

  /** Sends no more. */
  cancel(): void {
    this.#cancelled = true;
    this.#wake?.();
    void this.#reader?.cancel().catch(() => undefined);
  }

  /** Sends all of it and its end. Rejects when the source fails. */
  async pump(source: ReadableStream<Uint8Array>): Promise<void> {
    this.#reader = source.getReader();
    for (;;) {
      const { done, value } = await this.#reader.read();
      if (this.#cancelled) return;
      if (done) break;
      await this.#send(value);
    }
    this.#link.send(FRAME.end, this.#request);
  }

  async #send(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length && !this.#cancelled; ) {
      if (this.#allowedBytes <= 0) await this.#allowed();
      const length = Math.min(PAYLOAD_MAX, this.#allowedBytes, bytes.length - at);
      if (this.#cancelled || length <= 0) continue;
      this.#link.send(FRAME.data, this.#request, bytes.subarray(at, at + length));
      this.#allowedBytes -= length;
      at += length;
    }
  }

  #allowed(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = null;
        resolve();
      };
    });
  }
}
