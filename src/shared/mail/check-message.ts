/**
 * Refuses what could make one message into another: a line break in a header begins a header of the
 * sender's own (CWE-93), and a list in `to` reaches people that nobody meant.
 */
import type { MailMessage } from "../../core/ports/mail.ts";
import { mailErrors } from "./errors.ts";

/** RFC 5321 §4.5.3.1.3: a path has 256 octets with its brackets. */
const ADDRESS_BYTES_MAX = 254;
/** One dot-string and a domain; nothing that a header gives a meaning: no comma, quote or bracket. */
const ADDRESS = /^[^\p{C}\p{Z}"(),:;<>@[\\\]]+@[\p{L}\p{M}\p{N}.-]+$/u;
/** C0, DEL, C1 and the two line separators of Unicode. */
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;
const SUBJECT_MAX = 512;

export function isAddress(text: string): boolean {
  return ADDRESS.test(text) && Buffer.byteLength(text) <= ADDRESS_BYTES_MAX;
}

/** @throws mail_refused */
export function checkMessage({ to, subject }: MailMessage): void {
  if (!isAddress(to)) throw mailErrors.mail_refused("`to` is not one address");
  if (CONTROL.test(subject)) throw mailErrors.mail_refused("The subject holds a control character");
  if (subject.length > SUBJECT_MAX) {
    throw mailErrors.mail_refused(`The subject is longer than ${SUBJECT_MAX} characters`);
  }
}

/** True for text that may stand in a header as a name. */
export function isHeaderText(text: string): boolean {
  return !CONTROL.test(text);
}
