/**
 * `application/vnd.amazon.eventstream`: frames of length, header length, checksum of the two, headers,
 * payload and checksum of it all. What comes is outside data: lengths are bounded before anything is
 * kept, checksums are compared.
 */
import { BadLambdaAnswer } from "./http-event.ts";

export interface EventFrame {
  /** Headers of the type string; others are read over. */
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: Uint8Array;
}

/** AWS's own bound of a frame is 24 MiB; Lambda's chunks are far smaller. */
const FRAME_MAX = 24 * 1024 * 1024;
const HEADERS_MAX = 128 * 1024;
const PRELUDE = 12;
const TRAILER = 4;
/** By type of header: bytes of its value. -1 = two bytes of length come first. */
const VALUE_BYTES = [0, 0, 1, 2, 4, 8, -1, -1, 8, 16];
const STRING = 7;

export class EventStreamReader {
  #chunks: Uint8Array[] = [];
  #held = 0;
  #needed = PRELUDE;

  /** The frames that are whole now. Throws BadLambdaAnswer. */
  push(chunk: Uint8Array): EventFrame[] {
    this.#chunks.push(chunk);
    this.#held += chunk.length;
    const frames: EventFrame[] = [];
    while (this.#held >= this.#needed) {
      const bytes = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks);
      const held = bytes as Uint8Array;
      this.#chunks = [held];
      const length = frameLength(held);
      if (held.length < length) {
        this.#needed = length;
        break;
      }
      frames.push(readFrame(held.subarray(0, length)));
      this.#chunks = [held.subarray(length)];
      this.#held -= length;
      this.#needed = PRELUDE;
    }
    return frames;
  }

  /** Throws BadLambdaAnswer when it ended within a frame. */
  end(): void {
    if (this.#held > 0) throw malformed("it ends within a frame");
  }
}

function frameLength(held: Uint8Array): number {
  const view = viewOf(held);
  const length = view.getUint32(0);
  const headersLength = view.getUint32(4);
  if (view.getUint32(8) !== Bun.hash.crc32(held.subarray(0, 8))) {
    throw malformed("the checksum of a length is wrong");
  }
  if (length > FRAME_MAX || headersLength > HEADERS_MAX) throw malformed("a frame is too large");
  if (length < PRELUDE + headersLength + TRAILER) throw malformed("a length is wrong");
  return length;
}

function readFrame(frame: Uint8Array): EventFrame {
  const view = viewOf(frame);
  const end = frame.length - TRAILER;
  if (view.getUint32(end) !== Bun.hash.crc32(frame.subarray(0, end))) {
    throw malformed("the checksum of a frame is wrong");
  }
  const bodyAt = PRELUDE + view.getUint32(4);
  return {
    headers: readHeaders(frame.subarray(PRELUDE, bodyAt)),
    payload: frame.subarray(bodyAt, end),
  };
}

function readHeaders(bytes: Uint8Array): Record<string, string> {
  const headers: Record<string, string> = Object.create(null);
  const view = viewOf(bytes);
  const decoder = new TextDecoder();
  let at = 0;
  const take = (count: number): number => {
    const from = at;
    at += count;
    if (at > bytes.length) throw malformed("a header is cut");
    return from;
  };
  while (at < bytes.length) {
    const nameLength = view.getUint8(take(1));
    const nameAt = take(nameLength);
    const name = decoder.decode(bytes.subarray(nameAt, at));
    const type = view.getUint8(take(1));
    const fixed = VALUE_BYTES[type];
    if (fixed === undefined) throw malformed("a header has an unknown type");
    const valueAt = take(fixed < 0 ? view.getUint16(take(2)) : fixed);
    if (type === STRING) headers[name] = decoder.decode(bytes.subarray(valueAt, at));
  }
  return headers;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function malformed(what: string): BadLambdaAnswer {
  return new BadLambdaAnswer(`The stream of AWS Lambda is malformed: ${what}`);
}
