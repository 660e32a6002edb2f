/** The bounds every Kv adapter keeps, checked in one place so that adapters cannot differ. */
import { sharedErrors } from "../errors.ts";

export const KEY_BYTES_MAX = 512;
export const VALUE_BYTES_MAX = 1_048_576;
export const LIST_MAX = 1_000;

/** @throws kv_key_invalid */
export function checkKey(key: string): void {
  if (key === "") throw sharedErrors.kv_key_invalid("It is empty");
  checkText(key);
  if (Buffer.byteLength(key) > KEY_BYTES_MAX) {
    throw sharedErrors.kv_key_invalid(`It is longer than ${KEY_BYTES_MAX} bytes`);
  }
}

/** Text that Postgres can hold: no NUL, no lone surrogate. @throws kv_key_invalid */
export function checkText(text: string): void {
  if (text.includes("\0")) throw sharedErrors.kv_key_invalid("It contains NUL");
  if (!text.isWellFormed()) throw sharedErrors.kv_key_invalid("It is not well-formed Unicode");
}

/** @throws kv_value_too_large */
export function checkValue(value: Uint8Array): void {
  if (value.byteLength > VALUE_BYTES_MAX) throw sharedErrors.kv_value_too_large(VALUE_BYTES_MAX);
}

/** How many keys one `list` gives. */
export function listLimit(limit: number | undefined): number {
  return Math.min(Math.max(1, Math.floor(limit ?? LIST_MAX)), LIST_MAX);
}
