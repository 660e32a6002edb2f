/**
 * `user_metadata` and `app_metadata`: free-form, but both stand in every access token, which must
 * fit into a request's headers, and in a row that must not grow without end.
 */
import { authErrors } from "../errors.ts";
import type { JsonObject } from "../schema.ts";

/** JSON bytes: with both full, a token stays under the 8 KiB that verifiers and proxies take. */
const BYTES_MAX = { user_metadata: 3072, app_metadata: 1024 } as const;

/** @throws validation_failed */
export function checkMetadata(name: keyof typeof BYTES_MAX, value: JsonObject): JsonObject {
  const limit = BYTES_MAX[name];
  if (Buffer.byteLength(JSON.stringify(value)) > limit) {
    throw authErrors.validation_failed(`${name} is limited to ${limit} bytes of JSON`);
  }
  return value;
}

export function fitsUserMetadata(value: JsonObject): boolean {
  return Buffer.byteLength(JSON.stringify(value)) <= BYTES_MAX.user_metadata;
}

/** Lays `changes` over `base`; a null removes the key. */
export function mergeMetadata(base: JsonObject | null, changes: JsonObject): JsonObject {
  const merged = new Map(Object.entries(base ?? {}));
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) merged.delete(key);
    else merged.set(key, value);
  }
  return Object.fromEntries(merged) as JsonObject;
}
