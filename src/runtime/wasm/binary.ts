/**
 * Just enough of the WebAssembly binary format (core spec 3.0, chapter 5) to look at a module: LEB128
 * numbers, names, and the list of sections.
 */

export const SECTION = {
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  export: 7,
  start: 8,
  code: 10,
} as const;

const HEADER = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

export interface Section {
  readonly id: number;
  /** Offset of the id byte. */
  readonly start: number;
  /** Offset of the first byte of the content. */
  readonly contentStart: number;
  readonly end: number;
}

/** Reads forward; throws a RangeError past the end, and for numbers that do not fit. */
export class BinaryReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  at: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.at = start;
    this.#end = end;
  }

  done(): boolean {
    return this.at >= this.#end;
  }

  byte(): number {
    const value = this.at < this.#end ? this.#bytes[this.at] : undefined;
    if (value === undefined) throw new RangeError(`The module ends too early at ${this.at}`);
    this.at += 1;
    return value;
  }

  /** Unsigned LEB128 up to 2^53: enough for u32 and for the limits of a 64-bit memory. */
  unsigned(): number {
    let value = 0;
    for (let shift = 0; shift < 53; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new RangeError(`A number is too long at ${this.at}`);
  }

  /** Steps over a LEB128 number of at most `maxBytes` bytes, signed or not. */
  skipNumber(maxBytes: number): void {
    for (let n = 0; n < maxBytes; n += 1) if (this.byte() < 0x80) return;
    throw new RangeError(`A number is too long at ${this.at}`);
  }

  take(length: number): Uint8Array {
    if (this.at + length > this.#end) throw new RangeError(`The module ends too early`);
    this.at += length;
    return this.#bytes.subarray(this.at - length, this.at);
  }

  name(): string {
    return new TextDecoder().decode(this.take(this.unsigned()));
  }
}

/** Throws a RangeError when this is not a core WebAssembly module (a component, text, something else). */
export function readSections(bytes: Uint8Array): Section[] {
  if (!HEADER.every((byte, at) => bytes[at] === byte)) {
    throw new RangeError("This is not a WebAssembly module of version 1");
  }
  const reader = new BinaryReader(bytes, HEADER.length);
  const sections: Section[] = [];
  while (!reader.done()) {
    const start = reader.at;
    const id = reader.byte();
    const length = reader.unsigned();
    const contentStart = reader.at;
    reader.take(length);
    sections.push({ id, start, contentStart, end: reader.at });
  }
  return sections;
}
