/**
 * The code that a person types (RFC 8628 §6.1): eight consonants, so that no word appears and none is
 * mistaken for a digit. 20^8 of them, living minutes, with few tries a minute.
 */
import type { Rng } from "../../../core/ports/rng.ts";

const ALPHABET = "BCDFGHJKLMNPQRSTVWXZ";
const LENGTH = 8;
/** Bytes from here on would make the first letters likelier. */
const UNBIASED = 256 - (256 % ALPHABET.length);

/** As shown: `WDJB-MJHT`. */
export function newUserCode(rng: Rng): string {
  let code = "";
  while (code.length < LENGTH) {
    for (const byte of rng.bytes(LENGTH)) {
      if (byte < UNBIASED && code.length < LENGTH) code += ALPHABET[byte % ALPHABET.length];
    }
  }
  return `${code.slice(0, 4)}-${code.slice(4)}`;
}

/** However it was typed: case, spaces and dashes do not count. Null for what cannot be one. */
export function readUserCode(typed: string): string | null {
  if (typed.length > 64) return null;
  const code = typed.toUpperCase().replace(/[\s\-–—_.]/g, "");
  const isOne = code.length === LENGTH && [...code].every((letter) => ALPHABET.includes(letter));
  return isOne ? `${code.slice(0, 4)}-${code.slice(4)}` : null;
}
