/** Bytes written one after the other into a buffer that grows: what the rewriter puts modules together with. */

const INITIAL_BYTES = 4_096;

export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;

  /** @param expectedBytes how much will probably be written. */
  constructor(expectedBytes = INITIAL_BYTES) {
    this.#bytes = new Uint8Array(Math.max(expectedBytes, 16));
  }

  get length(): number {
    return this.#length;
  }

  byte(value: number): void {
    this.#room(1);
    this.#bytes[this.#length] = value;
    this.#length += 1;
  }

  bytes(values: Uint8Array | readonly number[]): void {
    this.#room(values.length);
    this.#bytes.set(values, this.#length);
    this.#length += values.length;
  }

  /** Unsigned LEB128; up to 2^53. */
  unsigned(value: number): void {
    let rest = value;
    while (rest >= 128) {
      this.byte((rest % 128) | 0x80);
      rest = Math.floor(rest / 128);
    }
    this.byte(rest);
  }

  name(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.unsigned(bytes.length);
    this.bytes(bytes);
  }

  /** A section or a function body: its length, then itself. */
  sized(content: ByteWriter): void {
    this.unsigned(content.length);
    this.bytes(content.written());
  }

  /** A view that the next write may outdate. */
  written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  take(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  /** Begins again with the same buffer. */
  clear(): void {
    this.#length = 0;
  }

  #room(extra: number): void {
    const needed = this.#length + extra;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.written());
    this.#bytes = grown;
  }
}
