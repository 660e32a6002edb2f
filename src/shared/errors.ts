/** Errors of the shared parts. What a client caused is 4xx; the rest names what an operator must do. */
import { defineErrors } from "../core/errors.ts";

export const sharedErrors = defineErrors({
  kv_key_invalid: (reason: string) => ({
    status: 400,
    message: "The key cannot be used",
    details: reason,
    hint: "A key is 1 to 512 bytes of UTF-8 text without NUL",
  }),
  kv_value_too_large: (limitBytes: number) => ({
    status: 413,
    message: "The value is too large",
    details: `The limit is ${limitBytes} bytes`,
  }),
  bus_message_invalid: (reason: string) => ({
    status: 400,
    message: "The message cannot be published",
    details: reason,
  }),
  event_invalid: (reason: string) => ({
    status: 400,
    message: "The event cannot be recorded",
    details: reason,
  }),
  idempotency_key_invalid: () => ({
    status: 400,
    message: "The Idempotency-Key header cannot be used",
    hint: "Send 1 to 255 printable ASCII characters",
  }),
  idempotent_answer_too_large: (limitBytes: number) => ({
    status: 500,
    message: "The answer is too large to be kept for a repeated request",
    details: `The limit is ${limitBytes} bytes`,
  }),
  secret_path_invalid: () => ({
    status: 400,
    message: "The secret's path cannot be used",
    hint: "Use lower-case letters, digits, '_', '.', '-' and '/', at most 256 characters",
  }),
  secret_value_invalid: (reason: string) => ({
    status: 400,
    message: "The secret's value cannot be kept",
    details: reason,
  }),
  secret_unreadable: (path: string, cause: unknown) => ({
    status: 500,
    message: "A stored secret cannot be opened",
    details: `${path} was changed outside Reactor, or sealed under another key`,
    hint: "Write the secret again, or restore the database together with its vault key",
    cause,
  }),
  vault_key_mismatch: (cause?: unknown) => ({
    status: 500,
    message: "The vault key does not fit this database",
    details: "The database was sealed under another master key",
    hint: "Restore vault.key of the data folder that belongs to this database, set vault.key or vault.passphrase to what it was, or start once with vault.recovery_code",
    cause,
  }),
  vault_key_invalid: (reason: string) => ({
    status: 500,
    message: "The vault key cannot be used",
    details: reason,
    hint: "A vault key is 32 random bytes, written as 64 hexadecimal digits or as base64",
  }),
  vault_in_backup: () => ({
    status: 409,
    message: "A backup is being written, which needs the vault's keys as they are",
    hint: "Rotate when it is done",
  }),
  vault_busy: () => ({
    status: 503,
    message: "The secret is being written by many at once",
    headers: { "Retry-After": "1" },
  }),
});
