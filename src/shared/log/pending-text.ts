/** Lines that wait to be written, encoded as they come into memory that is used again. */

/** What waits for a slow reader beyond this is dropped, and counted. */
const PENDING_BYTES_MAX = 4 * 1024 * 1024;
const SLAB_BYTES = 128 * 1024;
/** A UTF-16 unit takes at most three bytes of UTF-8. */
const WORST_UTF8 = 3;

export class PendingText {
  /** Full ones, oldest first. */
  readonly #full: Buffer[] = [];
  #fullBytes = 0;
  #slab: Buffer | null = null;
  #usedBytes = 0;
  /** Written out; the next one to be filled. */
  #spare: Buffer | null = null;
  #dropped = 0;

  get isEmpty(): boolean {
    return this.#full.length === 0 && this.#usedBytes === 0;
  }

  add(line: string): void {
    if (this.#fullBytes + this.#usedBytes > PENDING_BYTES_MAX) this.#dropped += 1;
    else this.#append(line);
  }

  /** What has waited longest; give it back once it is out. */
  take(): Buffer {
    if (this.#dropped > 0) this.#tellOfDropped();
    const first = this.#full.shift();
    if (!first) return this.#takeSlab();
    this.#fullBytes -= first.length;
    return first;
  }

  giveBack(bytes: Buffer): void {
    if (bytes.buffer.byteLength === SLAB_BYTES) this.#spare = Buffer.from(bytes.buffer);
  }

  #append(line: string): void {
    const slab = this.#slabFor(line.length * WORST_UTF8 + 1);
    this.#usedBytes += slab.write(line, this.#usedBytes, "utf8");
    slab[this.#usedBytes] = 0x0a;
    this.#usedBytes += 1;
  }

  #tellOfDropped(): void {
    const note = `{"level":"warn","event":"log.dropped","lines":${this.#dropped}}`;
    this.#dropped = 0;
    this.#append(note);
  }

  #slabFor(sizeBytes: number): Buffer {
    if (this.#slab && this.#usedBytes + sizeBytes <= this.#slab.length) return this.#slab;
    if (this.#usedBytes > 0) {
      this.#fullBytes += this.#usedBytes;
      this.#full.push(this.#takeSlab());
    }
    const isLong = sizeBytes > SLAB_BYTES;
    this.#slab =
      (isLong ? null : this.#spare) ?? Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, sizeBytes));
    if (!isLong) this.#spare = null;
    return this.#slab;
  }

  #takeSlab(): Buffer {
    const bytes = this.#slab?.subarray(0, this.#usedBytes) ?? Buffer.alloc(0);
    this.#slab = null;
    this.#usedBytes = 0;
    return bytes;
  }
}
