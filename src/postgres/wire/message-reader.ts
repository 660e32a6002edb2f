/**
 * Cuts a byte stream into backend messages (protocol 3.0: type byte, Int32 length including
 * itself, body), whatever the chunk boundaries. A message inside one chunk is not copied; one that
 * spans chunks is joined once.
 */
import { wireErrors } from "./errors.ts";

/** Far above any row that belongs in an HTTP answer; guards against a stream out of step. */
const MAX_MESSAGE_BYTES = 256 * 1024 * 1024;
const HEADER_BYTES = 5;

/** Body is `data[start, end)`. `data` is not reused by the reader: views of it may be kept. */
export type OnMessage = (type: number, data: Buffer, start: number, end: number) => void;

export class MessageReader {
  readonly #onMessage: OnMessage;
  #parts: Buffer[] = [];
  #heldBytes = 0;
  /** Bytes that must be held before looking again. */
  #neededBytes = 0;

  constructor(onMessage: OnMessage) {
    this.#onMessage = onMessage;
  }

  /** Bytes of an unfinished message. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Throws `protocol_violation` when the stream makes no sense; the connection must go then. */
  push(chunk: Buffer): void {
    let data = chunk;
    if (this.#heldBytes > 0) {
      this.#parts.push(chunk);
      this.#heldBytes += chunk.length;
      if (this.#heldBytes < this.#neededBytes) return;
      data = Buffer.concat(this.#parts, this.#heldBytes);
      this.#parts = [];
      this.#heldBytes = 0;
    }
    this.#cut(data);
  }

  #cut(data: Buffer): void {
    let at = 0;
    let neededBytes = HEADER_BYTES;
    while (data.length - at >= HEADER_BYTES) {
      const sizeBytes = messageBytes(data, at);
      if (data.length - at < sizeBytes) {
        neededBytes = sizeBytes;
        break;
      }
      this.#onMessage(data[at] ?? 0, data, at + HEADER_BYTES, at + sizeBytes);
      at += sizeBytes;
    }
    if (at < data.length) this.#hold(data, at, neededBytes);
  }

  #hold(data: Buffer, at: number, neededBytes: number): void {
    this.#parts = [data.subarray(at)];
    this.#heldBytes = data.length - at;
    this.#neededBytes = neededBytes;
  }
}

function messageBytes(data: Buffer, at: number): number {
  const length = data.readInt32BE(at + 1);
  if (length < 4 || length > MAX_MESSAGE_BYTES) {
    throw wireErrors.protocol_violation(`a message of ${length} bytes`);
  }
  return length + 1;
}
