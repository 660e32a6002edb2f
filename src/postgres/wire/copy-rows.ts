/**
 * Rows in COPY's binary format (PostgreSQL documentation, "COPY", "Binary Format"): the database parses
 * no text, which is most of what it costs to take a row in. Numbers out of their type's range wrap
 * around; text that PostgreSQL cannot hold is left for it to refuse.
 */

const SLAB_BYTES = 64 * 1024;
/** A UTF-16 unit takes at most three bytes of UTF-8. */
const WORST_UTF8 = 3;
/** Up to here a loop is quicker than a call of native code. */
const SHORT_CHARS = 40;
const SIGNATURE = "PGCOPY\n\xff\r\n\0";
/** 2000-01-01, where PostgreSQL's time begins. */
const EPOCH_MS = 946_684_800_000;
const TWO_32 = 2 ** 32;

export class CopyRows {
  #bytes = Buffer.allocUnsafe(SLAB_BYTES);
  #view = viewOf(this.#bytes);
  #at = 0;
  readonly #columns: number;

  /** @param columns values in each row; exactly so many follow each `row()` */
  constructor(columns: number) {
    this.#columns = columns;
    this.#at += this.#bytes.write(SIGNATURE, 0, "latin1");
    // No flags, no header extension.
    this.#int32(0);
    this.#int32(0);
  }

  /** Bytes so far: where the next value will be. */
  get length(): number {
    return this.#at;
  }

  row(): void {
    this.#reserve(2);
    this.#int16(this.#columns);
  }

  text(value: string | null): void {
    const { length } = value ?? "";
    this.#reserve(4 + length * WORST_UTF8);
    if (value === null) return void this.#int32(-1);
    const start = this.#at;
    this.#at += 4;
    if (length > SHORT_CHARS || !this.#ascii(value)) {
      this.#at += this.#bytes.write(value, this.#at, "utf8");
    }
    this.#view.setInt32(start, this.#at - start - 4);
  }

  boolean(value: boolean): void {
    this.#reserve(5);
    this.#int32(1);
    this.#bytes[this.#at++] = value ? 1 : 0;
  }

  smallint(value: number): void {
    this.#reserve(6);
    this.#int32(2);
    this.#int16(value);
  }

  real(value: number): void {
    this.#reserve(8);
    this.#int32(4);
    this.#view.setFloat32(this.#at, value);
    this.#at += 4;
  }

  /** A safe integer. */
  bigint(value: number | null): void {
    this.#reserve(12);
    if (value === null) return void this.#int32(-1);
    this.#int32(8);
    this.#int32(Math.floor(value / TWO_32));
    this.#int32(value);
  }

  /** Puts another value, a safe integer, in the place of the `bigint` that is `at` there. */
  setBigint(at: number, value: number): void {
    this.#view.setInt32(at + 4, Math.floor(value / TWO_32));
    this.#view.setInt32(at + 8, value);
  }

  /** @param ms since 1970 */
  timestamptz(ms: number): void {
    this.bigint((ms - EPOCH_MS) * 1000);
  }

  /** All of it, the end included; nothing more may be added. */
  end(): Uint8Array {
    this.#reserve(2);
    this.#int16(-1);
    return this.#bytes.subarray(0, this.#at);
  }

  /** False, and nothing is written, when another character turns up. */
  #ascii(text: string): boolean {
    const bytes = this.#bytes;
    const start = this.#at;
    for (let at = 0; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      if (code > 0x7f) return false;
      bytes[start + at] = code;
    }
    this.#at = start + text.length;
    return true;
  }

  #int16(value: number): void {
    this.#view.setInt16(this.#at, value);
    this.#at += 2;
  }

  #int32(value: number): void {
    this.#view.setInt32(this.#at, value);
    this.#at += 4;
  }

  #reserve(sizeBytes: number): void {
    if (this.#at + sizeBytes <= this.#bytes.length) return;
    const bytes = Buffer.allocUnsafe((this.#at + sizeBytes) * 2);
    this.#bytes.copy(bytes, 0, 0, this.#at);
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
  }
}

const viewOf = ({ buffer, byteOffset, byteLength }: Buffer) =>
  new DataView(buffer, byteOffset, byteLength);
