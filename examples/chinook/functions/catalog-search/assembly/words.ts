/** Reads the words of UTF-8 text in place: no strings are made, a word is bytes in one buffer. */
import { fold } from "./fold";

/** Longer words are compared by their beginning. */
const WORD_MAX: i32 = 48;

export class Words {
  /** The word that `next` found, folded. */
  readonly word: StaticArray<u8> = new StaticArray<u8>(WORD_MAX);
  /** Its length. */
  length: i32 = 0;
  private at: i32 = 0;
  private end: i32 = 0;

  constructor(private readonly bytes: Uint8Array) {}

  /** Begins with `from`, ends before `to`. */
  over(from: i32, to: i32): void {
    this.at = from;
    this.end = to;
  }

  /** Moves to the next word; false at the end. */
  next(): bool {
    this.length = 0;
    while (this.at < this.end) {
      const code = this.codePoint();
      // An apostrophe joins: "don't" is one word.
      if (this.length > 0 && (code == 0x27 || code == 0x2019)) continue;
      const folded = fold(code);
      if (folded == 0) {
        if (this.length > 0) return true;
        continue;
      }
      if (this.length < WORD_MAX) unchecked((this.word[this.length++] = folded));
    }
    return this.length > 0;
  }

  /** Takes one character; a broken sequence is taken byte by byte. */
  private codePoint(): u32 {
    const first = u32(unchecked(this.bytes[this.at++]));
    if (first < 0xc0) return first;
    let more = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    let code = first & (0x3f >> more);
    while (more-- > 0 && this.at < this.end) {
      const byte = u32(unchecked(this.bytes[this.at]));
      if ((byte & 0xc0) != 0x80) break;
      code = (code << 6) | (byte & 0x3f);
      this.at++;
    }
    return code;
  }
}
