/**
 * One spelling per mailbox. Two people must not hold accounts that a reader, or a mail system that
 * folds case, takes for the same address, so addresses are stored and compared in NFKC lower case;
 * mail always goes to that stored form.
 */
import { authErrors } from "../errors.ts";

/** RFC 5321 §4.5.3.1: local part 64, path 256 with its brackets; GoTrue's column holds 255. */
const LOCAL_MAX = 64;
const EMAIL_MAX = 255;
/** RFC 5321 §4.1.2 dot-string with RFC 6531's letters; no quoted strings. */
const LOCAL =
  /^[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+(?:\.[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+)*$/u;
const LABEL = /^[\p{L}\p{M}\p{N}](?:[\p{L}\p{M}\p{N}-]{0,61}[\p{L}\p{M}\p{N}])?$/u;

/** The stored form, or null when `text` is not an address. */
export function normalizeEmail(text: string): string | null {
  if (text.length > EMAIL_MAX) return null;
  // Lower-casing can leave what NFKC would fold again (the Kelvin sign and its kind).
  const email = text.normalize("NFKC").toLowerCase().normalize("NFKC");
  const at = email.lastIndexOf("@");
  const local = email.slice(0, Math.max(at, 0));
  if (email.length > EMAIL_MAX || local.length > LOCAL_MAX || !LOCAL.test(local)) return null;
  return email
    .slice(at + 1)
    .split(".")
    .every((label) => LABEL.test(label))
    ? email
    : null;
}

/** @throws validation_failed */
export function requireEmail(text: string): string {
  const email = normalizeEmail(text);
  if (email === null) {
    throw authErrors.validation_failed("Unable to validate email address: invalid format");
  }
  return email;
}
