/** Errors of signing keys. */
import { defineErrors } from "../../../core/errors.ts";

export const keyErrors = defineErrors({
  signing_key_not_announced: (readyAt: Date) => ({
    status: 409,
    message: "The next signing key has not been announced for long enough",
    details: `It may sign from ${readyAt.toISOString()}`,
    hint: "Wait, or force it when the active key is no longer to be trusted",
  }),
  signing_key_not_found: () => ({ status: 404, message: "Signing key not found" }),
  signing_key_in_use: () => ({
    status: 409,
    message: "The active signing key cannot be removed",
    hint: "Rotate first, then remove it as a previous key",
  }),
  signing_keys_many: (limit: number) => ({
    status: 409,
    message: "There are too many signing keys whose tokens may still live",
    details: `The limit is ${limit}`,
    hint: "Remove previous keys, which ends their tokens, or wait",
  }),
  signing_keys_busy: () => ({
    status: 503,
    message: "The signing keys are being changed by many at once",
    headers: { "Retry-After": "1" },
  }),
});
