/** The newest lines of text, as bytes: no object lives on for a line. */

const BLOCK_BYTES = 64 * 1024;
/** A UTF-16 unit takes at most three bytes of UTF-8. */
const WORST_UTF8 = 3;

interface Block {
  readonly bytes: Buffer;
  usedBytes: number;
  lines: number;
}

export class LineBlocks {
  readonly #linesMax: number;
  readonly #bytesMax: number;
  /** Oldest first. Whole blocks are dropped, so a little more is held than may be seen. */
  readonly #blocks: Block[] = [];
  #lines = 0;
  #usedBytes = 0;

  constructor(linesMax: number, bytesMax: number) {
    this.#linesMax = linesMax;
    this.#bytesMax = bytesMax;
  }

  /** @param line without line breaks */
  add(line: string): void {
    const block = this.#blockFor(line.length * WORST_UTF8 + 1);
    const size = block.bytes.write(line, block.usedBytes, "utf8") + 1;
    block.bytes[block.usedBytes + size - 1] = 0x0a;
    block.usedBytes += size;
    block.lines += 1;
    this.#lines += 1;
    this.#usedBytes += size;
  }

  *newestFirst(): Generator<string> {
    let lines = 0;
    let size = 0;
    for (const { bytes, usedBytes } of this.#blocks.toReversed()) {
      const texts = bytes.toString("utf8", 0, usedBytes).split("\n");
      for (const text of texts.reverse()) {
        if (text === "") continue;
        lines += 1;
        size += Buffer.byteLength(text) + 1;
        if (lines > this.#linesMax || size > this.#bytesMax) return;
        yield text;
      }
    }
  }

  #blockFor(sizeBytes: number): Block {
    const last = this.#blocks.at(-1);
    if (last && last.usedBytes + sizeBytes <= last.bytes.length) return last;
    const spare = this.#spareBytes();
    const isUsable = spare !== null && spare.length >= sizeBytes;
    const bytes = isUsable ? spare : Buffer.allocUnsafeSlow(Math.max(BLOCK_BYTES, sizeBytes));
    const block = { bytes, usedBytes: 0, lines: 0 };
    this.#blocks.push(block);
    return block;
  }

  /** The bytes of the oldest block once what is left without it is enough. */
  #spareBytes(): Buffer | null {
    const [oldest] = this.#blocks;
    if (!oldest) return null;
    const isEnough =
      this.#lines - oldest.lines >= this.#linesMax ||
      this.#usedBytes - oldest.usedBytes >= this.#bytesMax;
    if (!isEnough) return null;
    this.#blocks.shift();
    this.#lines -= oldest.lines;
    this.#usedBytes -= oldest.usedBytes;
    return oldest.bytes;
  }
}
