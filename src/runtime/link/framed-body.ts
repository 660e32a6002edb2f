/** Bodies over a link: one end pumps a stream into frames, the other makes a stream of them again. */
import type { LinkFlow } from "../flow.ts";
import { FRAME, type FrameLink, PAYLOAD_MAX, WINDOW_BYTES } from "./frame-link.ts";

/** What a piece counts for beside its bytes: to hold one costs more than a byte. */
const PIECE_BYTES = 64;

/** Pieces up to this are sent together, those of one turn: many a function writes its rows one by one. */
const SMALL_BYTES = 16 * 1024;

const weightOf = (bytes: number) => bytes + PIECE_BYTES;

type BodyFlow = Pick<LinkFlow, "afterBody">;

/** A body on its way in. The sender may be `WINDOW_BYTES` ahead of whoever reads `stream`. */
export class InboundBody {
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  #controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | null = null;
  #heldBytes = 0;
  #takenBytes = 0;
  #over = false;

  /**
   * @param onCancel the reader gave up.
   * @param flow how fast it may go on. Default: as it is read
   */
  constructor(link: FrameLink, exchange: number, onCancel: () => void, flow?: BodyFlow) {
    this.stream = new ReadableStream<Uint8Array<ArrayBuffer>>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => {
          // Asked for more: what was held has been taken.
          if (this.#heldBytes === 0) return;
          const bytes = this.#heldBytes;
          this.#heldBytes = 0;
          this.#takenBytes += bytes;
          const goOn = () => {
            if (!this.#over) link.sendNumber(FRAME.credit, exchange, bytes);
          };
          if (flow) flow.afterBody(bytes, this.#takenBytes, goOn);
          else goOn();
        },
        cancel: () => {
          this.#over = true;
          onCancel();
        },
      },
      { highWaterMark: WINDOW_BYTES / 2, size: (chunk) => weightOf(chunk?.length ?? 0) },
    );
  }

  /** Throws a RangeError when the sender sends more than it was allowed. */
  push(chunk: Uint8Array<ArrayBuffer>): void {
    if (this.#over || chunk.length === 0) return;
    this.#heldBytes += weightOf(chunk.length);
    if (this.#heldBytes > WINDOW_BYTES) throw new RangeError("A body overruns its window");
    // A copy: `slice` of a `Buffer` is none, and would hold all that came with it.
    this.#controller?.enqueue(new Uint8Array(chunk));
  }

  end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#controller?.close();
  }

  fail(error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#controller?.error(error);
  }
}

/** A body on its way out. */
export class OutboundBody {
  readonly #link: FrameLink;
  readonly #exchange: number;
  #allowedBytes = WINDOW_BYTES;
  #wake: (() => void) | null = null;
  #cancelled = false;
  #reader: ReadableStreamDefaultReader<Uint8Array> | null = null;
  /** Small pieces that are not sent yet. */
  #gathered: Buffer<ArrayBuffer> | null = null;
  #gatheredBytes = 0;
  /** All that was to be sent before now. */
  #sent: Promise<void> = Promise.resolve();

  constructor(link: FrameLink, exchange: number) {
    this.#link = link;
    this.#exchange = exchange;
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
    try {
      for (;;) {
        const { done, value } = await this.#reader.read();
        await this.#sent;
        if (this.#cancelled) return;
        if (done) break;
        this.#take(bytesOf(value));
      }
    } finally {
      await this.#release();
    }
    if (!this.#cancelled) this.#link.send(FRAME.end, this.#exchange);
  }

  #take(bytes: Uint8Array): void {
    if (this.#gatheredBytes + bytes.length > SMALL_BYTES) void this.#release();
    if (bytes.length > SMALL_BYTES) {
      this.#sent = this.#sent.then(() => this.#send(bytes));
      return;
    }
    if (this.#gatheredBytes === 0) setImmediate(() => void this.#release());
    // A copy: the source may use its memory again.
    this.#gathered ??= Buffer.allocUnsafe(SMALL_BYTES);
    this.#gathered.set(bytes, this.#gatheredBytes);
    this.#gatheredBytes += bytes.length;
  }

  /** Sends what was gathered, after what is being sent. */
  #release(): Promise<void> {
    const bytes = this.#gathered?.subarray(0, this.#gatheredBytes);
    this.#gathered = null;
    this.#gatheredBytes = 0;
    if (bytes) this.#sent = this.#sent.then(() => this.#send(bytes));
    return this.#sent;
  }

  /** The same of what is in memory. */
  async pumpWhole(bytes: Uint8Array): Promise<void> {
    await this.#send(bytes);
    if (!this.#cancelled) this.#link.send(FRAME.end, this.#exchange);
  }

  async #send(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length && !this.#cancelled; ) {
      if (this.#allowedBytes <= PIECE_BYTES) await this.#allowed();
      const length = Math.min(PAYLOAD_MAX, this.#allowedBytes - PIECE_BYTES, bytes.length - at);
      if (this.#cancelled || length <= 0) continue;
      this.#link.send(FRAME.data, this.#exchange, bytes.subarray(at, at + length));
      this.#allowedBytes -= weightOf(length);
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

/** What `Bun.serve` takes of a stream: bytes in any shape, and text. */
function bytesOf(piece: unknown): Uint8Array {
  if (piece instanceof Uint8Array) return piece;
  if (typeof piece === "string") return Buffer.from(piece);
  if (piece instanceof ArrayBuffer) return new Uint8Array(piece);
  if (ArrayBuffer.isView(piece)) {
    return new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength);
  }
  throw new TypeError("A body's stream gave something that is neither bytes nor text");
}
