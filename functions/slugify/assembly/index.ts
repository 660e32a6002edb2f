/**
 * Turns a line of text into the part of a URL: `Émile's Café` becomes `emiles-cafe`.
 * Input and output are text; the longest slug is `max_length` of the function's config.
 *
 * Build: asc --config asconfig.json --target release (in this folder)
 */
import { Config, Host, Memory } from "@extism/as-pdk";
import { error_set } from "@extism/as-pdk/lib/env";

const MAX_LENGTH: i32 = 80;

/** U+00C0 to U+017F without their accents; a blank means that the character has no ASCII form. */
const FOLDED: string =
  "aaaaaaaceeeeiiiidnooooo ouuuuytsaaaaaaaceeeeiiiidnooooo ouuuuyty" +
  "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkklllllll" +
  "lllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";

export function slugify(): i32 {
  const text = Host.inputString();
  let slug = "";
  let gap = false;
  const limit = maxLength();
  for (let i = 0; i < text.length && slug.length < limit; i++) {
    const code = text.charCodeAt(i);
    const folded = fold(code);
    if (folded == 0) {
      // An apostrophe joins, everything else separates.
      if (code != 0x27 && code != 0x2019) gap = slug.length > 0;
      continue;
    }
    if (gap && slug.length + 1 >= limit) break;
    if (gap) slug += "-";
    gap = false;
    slug += String.fromCharCode(folded);
  }
  if (slug.length == 0) return fail("there is nothing in this text to make a slug of");
  Host.outputString(slug);
  return 0;
}

/** The character as a-z or 0-9, or 0. */
function fold(code: i32): i32 {
  if (code >= 0x41 && code <= 0x5a) return code + 0x20;
  if ((code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39)) return code;
  if (code < 0xc0 || code > 0x17f) return 0;
  const folded = FOLDED.charCodeAt(code - 0xc0);
  return folded == 0x20 ? 0 : folded;
}

function maxLength(): i32 {
  const configured = Config.get("max_length");
  if (configured === null) return MAX_LENGTH;
  const length = I32.parseInt(configured);
  return length > 0 ? length : MAX_LENGTH;
}

function fail(message: string): i32 {
  error_set(Memory.allocateString(message).offset);
  return 1;
}

export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  const place = (file === null ? "" : file) + ":" + line.toString() + ":" + column.toString();
  error_set(Memory.allocateString((message === null ? "aborted" : message) + " at " + place).offset);
  unreachable();
}
