/** One character as it is compared: a-z, 0-9, without accents; 0 for what separates words. */

/** U+00C0 to U+017F without their accents; a blank means that the character separates. */
const FOLDED: string =
  "aaaaaaaceeeeiiiidnooooo ouuuuytsaaaaaaaceeeeiiiidnooooo ouuuuyty" +
  "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkkllllllllllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";

/** Letters of other scripts count as themselves, by one byte of their number. */
const OTHER_SCRIPTS: u32 = 0x0370;

export function fold(code: u32): u8 {
  if (code < 0x80) {
    if (code >= 0x61 && code <= 0x7a) return u8(code);
    if (code >= 0x41 && code <= 0x5a) return u8(code + 0x20);
    return code >= 0x30 && code <= 0x39 ? u8(code) : 0;
  }
  if (code >= 0xc0 && code <= 0x17f) {
    const folded = FOLDED.charCodeAt(code - 0xc0);
    return folded == 0x20 ? 0 : u8(folded);
  }
  return code >= OTHER_SCRIPTS && code < 0x2000 ? u8(0x80 | (code & 0x7f)) : 0;
}
