/**
 * What a recovery code is made of: 24 letters and digits of Crockford's base 32, which has none that
 * are mistaken for another, so 120 random bits. That many need no slow hash (OWASP ASVS 5.0, 6.5.2:
 * from 112 bits), and so an attempt costs the server no more than a query.
 */
import type { Rng } from "../../../core/ports/rng.ts";

export const RECOVERY_CODES = 8;
const LETTERS = "0123456789abcdefghjkmnpqrstvwxyz";
const LENGTH = 24;

/** Canonical: lower case, no separators. Pages show them in groups of four. */
export function newRecoveryCodes(rng: Rng): string[] {
  return Array.from({ length: RECOVERY_CODES }, () =>
    // 32 letters: the low five bits of a random byte choose among them evenly.
    [...rng.bytes(LENGTH)].map((byte) => LETTERS[byte & 31]).join(""),
  );
}

/** As it was made, however it was typed: case, space, hyphens, o for 0, i and l for 1. */
export function normalizeRecoveryCode(text: string): string {
  return text.toLowerCase().replaceAll(/[\s-]/g, "").replaceAll("o", "0").replaceAll(/[il]/g, "1");
}

export function hashRecoveryCode(code: string): Uint8Array {
  return new Bun.CryptoHasher("sha256").update(`recovery:${code}`).digest();
}
