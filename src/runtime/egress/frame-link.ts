/**
 * Frames over one stream socket between a child and its server: many requests at a time, each with two
 * bodies and its own flow control. A child in its jail cannot open sockets, so this one, opened before,
 * carries all that it asks of the world. Both ends use this file; each believes nothing but the lengths.
 *
 * A frame is its payload's length (u32), its type (u8) and its request's number (u32), big-endian, then
 * the payload.
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
  /** The child wants no more of it. */
  cancel: 6,
  /** So many more bytes (u32) may be sent. */
  credit: 7,
  /** Either way, of no request: a control message as JSON. */
  control: 8,
} as const;

export type FrameType = (typeof FRAME)[keyof typeof FRAME];

const HEAD_BYTES = 9;
/** Larger pieces are sent as several. */
export const PAYLOAD_MAX = 64 * 1024;
/** What may be under way of one body before its reader has taken it. */
export const WINDOW_BYTES = 256 * 1024;

/** The part of a Bun socket that is used here. */
export interface LinkSocket {
  /** Bytes taken; the rest waits for `drained`. */
  write(bytes: Uint8Array): number;
  end(): void;
}

export type OnFrame = (type: number, request: number, payload: Uint8Array<ArrayBuffer>) => void;

export class FrameLink {
  readonly #socket: LinkSocket;
  readonly #onFrame: OnFrame;
  readonly #payloadMax: number;
  #received: Uint8Array = new Uint8Array();
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;

  /** @param payloadMax what is taken of one frame; a child takes longer ones from its server. */
  constructor(socket: LinkSocket, onFrame: OnFrame, payloadMax = PAYLOAD_MAX) {
    this.#socket = socket;
    this.#onFrame = onFrame;
    this.#payloadMax = payloadMax;
  }

  /** What the other end has not taken yet. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  send(type: FrameType, request: number, payload: Uint8Array | string = ""): void {
    const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
    const frame = new Uint8Array(HEAD_BYTES + bytes.length);
    const view = new DataView(frame.buffer);
    view.setUint32(0, bytes.length);
    view.setUint8(4, type);
    view.setUint32(5, request);
    frame.set(bytes, HEAD_BYTES);
    this.#waiting.push(frame);
    this.#waitingBytes += frame.length;
    if (this.#waiting.length === 1) this.drained();
  }

  sendNumber(type: FrameType, request: number, value: number): void {
    const payload = new Uint8Array(4);
    new DataView(payload.buffer).setUint32(0, value);
    this.send(type, request, payload);
  }

  /** The socket takes bytes again. */
  drained(): void {
    for (;;) {
      const [frame] = this.#waiting;
      if (!frame) return;
      const written = Math.max(0, this.#socket.write(frame));
      this.#waitingBytes -= Math.min(written, frame.length);
      if (written < frame.length) {
        this.#waiting[0] = frame.subarray(written);
        return;
      }
      this.#waiting.shift();
    }
  }

  /** Bytes from the socket. Throws a RangeError for a frame that cannot be one: the link must end. */
  receive(chunk: Uint8Array): void {
    const all = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    const view = new DataView(all.buffer, all.byteOffset, all.length);
    let at = 0;
    while (all.length - at >= HEAD_BYTES) {
      const length = view.getUint32(at);
      if (length > this.#payloadMax) throw new RangeError(`A frame of ${length} bytes is too long`);
      if (all.length - at < HEAD_BYTES + length) break;
      const start = at + HEAD_BYTES;
      at = start + length;
      const payload = new Uint8Array(all.subarray(start, at));
      this.#onFrame(view.getUint8(start - 5), view.getUint32(start - 4), payload);
    }
    this.#received = new Uint8Array(all.subarray(at));
  }

  close(): void {
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#socket.end();
  }
}

export function numberIn(payload: Uint8Array): number {
  return payload.length === 4 ? new DataView(payload.buffer, payload.byteOffset).getUint32(0) : 0;
}
