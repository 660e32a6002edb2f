/** One spelling per number: digits of E.164 without the plus, as GoTrue stores them. */
import { authErrors } from "../errors.ts";

/** ITU-T E.164 §6: country code first, at most 15 digits; fewer than 5 are nobody's mobile. */
const E164 = /^[1-9]\d{4,14}$/;

/** The stored form, or null when `text` is no number. */
export function normalizePhone(text: string): string | null {
  if (text.length > 32) return null;
  const digits = text.replace(/^\+/, "").replace(/[\s().-]/g, "");
  return E164.test(digits) ? digits : null;
}

/** @throws validation_failed */
export function requirePhone(text: string): string {
  const phone = normalizePhone(text);
  if (phone === null) {
    throw authErrors.validation_failed("Invalid phone number format (E.164 required)");
  }
  return phone;
}
