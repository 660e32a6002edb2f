/**
 * Frames over one stream socket between a child and its server: many exchanges at a time, each with two
 * bodies and its own flow control. A child in its jail cannot open sockets, so this one, opened before,
 * carries the calls to it and all that it asks of the world. Both ends use this file; each believes
 * nothing but the lengths.
 *
 * A frame is its payload's length (u32), its type (u8) and its exchange's number (u32), big-endian, then
 * the payload. Frames leave together at the end of a turn of the event loop: a system call for each
 * would cost more than what they say.
 */

export const FRAME = {
  /** Child to server: `RequestHead` as JSON. */
  request: 1,
  /** Server to child: `ResponseHead` as JSON. */
  response: 2,
  /** A piece of a body. */
  data: 3,
  /** The body is complete. */
  end: 4,
  /** Instead of an answer, or of the rest of a body: text. */
  error: 5,
  /** The sender wants no more of it. */
  cancel: 6,
  /** So many more bytes (u32) may be sent. */
  credit: 7,
  /** Either way, of no exchange: a control message as JSON. */
  control: 8,
  /** Server to child: a head as JSON and, where it is small, the body. */
  call: 9,
  /** Child to server: the same for the answer. */
  answer: 10,
} as const;

export type FrameType = (typeof FRAME)[keyof typeof FRAME];

/** Exchanges that the server began, calls, have numbers from here; those of a child are below. */
export const FIRST_CALL = 0x8000_0000;

/** As how many frames a message counts: its JSON is read. */
export const MESSAGE_FRAMES = 5;

/** As how many frames one counts, for those who take only so many. */
export function weightOf(type: number, exchange: number): number {
  return exchange >= FIRST_CALL || type === FRAME.data ? 1 : MESSAGE_FRAMES;
}

const HEAD_BYTES = 9;
/** Larger pieces are sent as several. */
export const PAYLOAD_MAX = 64 * 1024;
/** What may be under way of one body before its reader has taken it. */
export const WINDOW_BYTES = 256 * 1024;
/** Held for what is to be sent; more is given back when it is through. */
const BUFFER_BYTES = 64 * 1024;

/** The part of a Bun socket that is used here. */
export interface LinkSocket {
  /** Bytes taken; the rest waits for `drained`. */
  write(bytes: Uint8Array): number;
  end(): void;
}

/** Bytes share their memory with what came before and after them: hand copies to others. */
export interface OnFrame {
  frame(type: number, exchange: number, payload: Uint8Array<ArrayBuffer>): void;
  /**
   * A call or an answer.
   *
   * @param head parsed JSON, of any shape
   * @param bytes of head and body
   */
  head(
    type: number,
    exchange: number,
    head: unknown,
    body: Uint8Array<ArrayBuffer> | null,
    bytes: number,
  ): void;
}

export class FrameLink {
  readonly #socket: LinkSocket;
  readonly #onFrame: OnFrame;
  readonly #payloadMax: number;
  /** The beginning of a frame whose end has not come. */
  #received: Uint8Array[] = [];
  #receivedBytes = 0;
  #neededBytes = HEAD_BYTES;
  /** What is to be sent: `#sending` from `#from` to `#to`. */
  #sending = Buffer.allocUnsafe(BUFFER_BYTES);
  #from = 0;
  #to = 0;
  #isFlushing = false;
  #isBlocked = false;
  #isClosed = false;

  /** @param payloadMax what is taken of one frame; a child takes longer ones from its server. */
  constructor(socket: LinkSocket, onFrame: OnFrame, payloadMax = PAYLOAD_MAX) {
    this.#socket = socket;
    this.#onFrame = onFrame;
    this.#payloadMax = payloadMax;
  }

  /** What the other end has not taken yet. */
  get waitingBytes(): number {
    return this.#to - this.#from;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  send(type: FrameType, exchange: number, payload: Uint8Array | string = ""): void {
    if (typeof payload === "string") {
      const at = this.#begin(Buffer.byteLength(payload), type, exchange);
      this.#sending.write(payload, at, "utf8");
    } else {
      const at = this.#begin(payload.length, type, exchange);
      this.#sending.set(payload, at);
    }
    this.#schedule();
  }

  /** A payload of two parts: the head with its length before it (u32), and a body. */
  sendHead(type: FrameType, exchange: number, head: string, body: Uint8Array | string = ""): void {
    const headBytes = Buffer.byteLength(head);
    const bodyBytes = typeof body === "string" ? Buffer.byteLength(body) : body.length;
    const at = this.#begin(4 + headBytes + bodyBytes, type, exchange);
    this.#sending.writeUInt32BE(headBytes, at);
    this.#sending.write(head, at + 4, "utf8");
    if (typeof body !== "string") this.#sending.set(body, at + 4 + headBytes);
    else if (bodyBytes > 0) this.#sending.write(body, at + 4 + headBytes, "utf8");
    this.#schedule();
  }

  sendNumber(type: FrameType, exchange: number, value: number): void {
    const at = this.#begin(4, type, exchange);
    this.#sending.writeUInt32BE(value, at);
    this.#schedule();
  }

  /** Sends what waits now, and not at the end of the turn. */
  flush(): void {
    if (this.#isBlocked || this.#from === this.#to) return;
    const written = Math.max(0, this.#socket.write(this.#sending.subarray(this.#from, this.#to)));
    this.#from += Math.min(written, this.waitingBytes);
    this.#isBlocked = this.#from < this.#to;
    if (this.#isBlocked) return;
    this.#from = 0;
    this.#to = 0;
    if (this.#sending.length > BUFFER_BYTES) this.#sending = Buffer.allocUnsafe(BUFFER_BYTES);
  }

  /** The socket takes bytes again, or may: asked for by who cannot wait until that is heard of. */
  drained(): void {
    this.#isBlocked = false;
    this.flush();
  }

  /**
   * Bytes from the socket.
   *
   * @param framesMax how many frames may be handed on now, see `weightOf`; default all
   * @returns false when there may be more: `receiveMore` goes on
   * @throws RangeError for a frame that cannot be one: the link must end
   */
  receive(chunk: Uint8Array, framesMax = Number.POSITIVE_INFINITY): boolean {
    if (this.#isClosed) return true;
    this.#received.push(chunk);
    this.#receivedBytes += chunk.length;
    return this.receiveMore(framesMax);
  }

  /** Of what was received before; see `receive`. */
  receiveMore(framesMax: number): boolean {
    if (this.#isClosed || this.#receivedBytes < this.#neededBytes) return true;
    const { length } = this.#received;
    const [first] = this.#received;
    const all = length === 1 && first ? first : Buffer.concat(this.#received);
    const bytes = Buffer.from(all.buffer as ArrayBuffer, all.byteOffset, all.length);
    const taken = this.#take(bytes, framesMax);
    this.#receivedBytes = all.length - taken;
    const isAll = this.#receivedBytes < this.#neededBytes;
    const rest = all.subarray(taken);
    // What waits for a next chunk is copied: it would hold all that came with it.
    this.#received = this.#receivedBytes === 0 ? [] : [isAll ? new Uint8Array(rest) : rest];
    return isAll;
  }

  /** Hands on whole frames; returns how many bytes those were. */
  #take(all: Buffer<ArrayBuffer>, framesMax: number): number {
    let [at, frames] = [0, 0];
    for (;;) {
      this.#neededBytes = HEAD_BYTES;
      if (all.length - at < HEAD_BYTES) return at;
      const length = all.readUInt32BE(at);
      if (length > this.#payloadMax) throw new RangeError(`A frame of ${length} bytes is too long`);
      this.#neededBytes = HEAD_BYTES + length;
      if (all.length - at < this.#neededBytes || frames >= framesMax) return at;
      const type = all.readUInt8(at + 4);
      const exchange = all.readUInt32BE(at + 5);
      frames += weightOf(type, exchange);
      const start = at + HEAD_BYTES;
      at = start + length;
      if (type === FRAME.call || type === FRAME.answer) this.#head(type, exchange, all, start, at);
      else this.#onFrame.frame(type, exchange, all.subarray(start, at));
    }
  }

  #head(
    type: number,
    exchange: number,
    all: Buffer<ArrayBuffer>,
    start: number,
    end: number,
  ): void {
    const bodyAt = end - start < 4 ? end + 1 : start + 4 + all.readUInt32BE(start);
    if (bodyAt > end) throw new RangeError("A head is longer than its frame");
    const head: unknown = JSON.parse(all.toString("utf8", start + 4, bodyAt));
    const body = bodyAt < end ? all.subarray(bodyAt, end) : null;
    this.#onFrame.head(type, exchange, head, body, end - start);
  }

  close(): void {
    this.#isClosed = true;
    this.#from = 0;
    this.#to = 0;
    this.#socket.end();
  }

  /** Writes a frame's head and returns where its payload goes. */
  #begin(payloadBytes: number, type: FrameType, exchange: number): number {
    this.#makeRoom(HEAD_BYTES + payloadBytes);
    const at = this.#to;
    this.#sending.writeUInt32BE(payloadBytes, at);
    this.#sending.writeUInt8(type, at + 4);
    this.#sending.writeUInt32BE(exchange, at + 5);
    this.#to = at + HEAD_BYTES + payloadBytes;
    return at + HEAD_BYTES;
  }

  #makeRoom(bytes: number): void {
    if (this.#sending.length - this.#to >= bytes) return;
    this.flush();
    const { waitingBytes } = this;
    if (this.#sending.length - this.#to >= bytes) return;
    const isHalfEmpty = waitingBytes + bytes <= this.#sending.length / 2;
    const size = Math.max(BUFFER_BYTES, 2 * (waitingBytes + bytes));
    const next = isHalfEmpty ? this.#sending : Buffer.allocUnsafe(size);
    this.#sending.copy(next, 0, this.#from, this.#to);
    this.#sending = next;
    this.#from = 0;
    this.#to = waitingBytes;
  }

  #schedule(): void {
    if (this.#isFlushing || this.#isBlocked) return;
    this.#isFlushing = true;
    setImmediate(() => {
      this.#isFlushing = false;
      this.flush();
    });
  }
}

export function numberIn(payload: Uint8Array): number {
  return payload.length === 4 ? new DataView(payload.buffer, payload.byteOffset).getUint32(0) : 0;
}

const decoder = new TextDecoder();

export function textIn(payload: Uint8Array): string {
  return decoder.decode(payload);
}
