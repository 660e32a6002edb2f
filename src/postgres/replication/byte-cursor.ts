/** Reads fields of a binary message one after the other and never beyond its end. */
import { wireErrors } from "../wire/errors.ts";

export class ByteCursor {
  readonly #data: Buffer;
  readonly #end: number;
  #at: number;

  /** The message is `data[start, end)`. */
  constructor(data: Buffer, start: number, end: number) {
    this.#data = data;
    this.#at = start;
    this.#end = end;
  }

  get isDone(): boolean {
    return this.#at === this.#end;
  }

  byte(): number {
    return this.#data[this.#take(1)] ?? 0;
  }

  int16(): number {
    return this.#data.readUInt16BE(this.#take(2));
  }

  int32(): number {
    return this.#data.readInt32BE(this.#take(4));
  }

  uint32(): number {
    return this.#data.readUInt32BE(this.#take(4));
  }

  uint64(): bigint {
    return this.#data.readBigUInt64BE(this.#take(8));
  }

  int64(): bigint {
    return this.#data.readBigInt64BE(this.#take(8));
  }

  /** Up to a NUL, which must be there. */
  cstring(): string {
    const stop = this.#data.indexOf(0, this.#at);
    if (stop < 0 || stop >= this.#end) throw tooShort();
    const text = this.#data.toString("utf8", this.#at, stop);
    this.#at = stop + 1;
    return text;
  }

  text(sizeBytes: number): string {
    const start = this.#take(sizeBytes);
    return this.#data.toString("utf8", start, start + sizeBytes);
  }

  /** A view, valid as long as it is referenced. */
  bytes(sizeBytes: number): Buffer {
    const start = this.#take(sizeBytes);
    return this.#data.subarray(start, start + sizeBytes);
  }

  /** Where the next field begins, after checking that it ends inside the message. */
  #take(sizeBytes: number): number {
    const start = this.#at;
    if (sizeBytes < 0 || start + sizeBytes > this.#end) throw tooShort();
    this.#at = start + sizeBytes;
    return start;
  }
}

function tooShort() {
  return wireErrors.protocol_violation("a replication message ends too early");
}
