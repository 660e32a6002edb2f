/** The bounds every IdempotencyStore adapter keeps. */
import type { SavedAnswer } from "../../core/ports/idempotency.ts";
import { sharedErrors } from "../errors.ts";

/** A claim whose request never came to an end is free again after this, unless it said how long it may take. */
export const CLAIM_MS = 60_000;
const BODY_BYTES_MAX = 1_048_576;

/** @throws idempotency_key_invalid */
export function checkIdempotencyKey(key: string): void {
  if (!/^[\x20-\x7e]{1,255}$/.test(key)) throw sharedErrors.idempotency_key_invalid();
}

/** @throws idempotent_answer_too_large */
export function checkAnswer(answer: SavedAnswer): void {
  if (answer.body.byteLength > BODY_BYTES_MAX) {
    throw sharedErrors.idempotent_answer_too_large(BODY_BYTES_MAX);
  }
}
