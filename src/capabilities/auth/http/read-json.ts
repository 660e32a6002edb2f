/**
 * Reads a request body as one JSON object within the limits of `/auth/v1`, and refuses what would
 * mean different things to the readers behind us: text that Postgres or UTF-8 cannot hold, numbers
 * that are not finite, deep nesting, `__proto__`.
 */
import { coreErrors } from "../../../core/errors.ts";
import { authErrors } from "../errors.ts";
import type { JsonObject } from "../schema.ts";

export const BODY_BYTES_MAX = 64 * 1024;
const DEPTH_MAX = 16;
const JSON_TYPE = /^application\/json\s*(?:;|$)/i;

/**
 * The body as an object; for a repeated key the last one stands, as in every JSON reader around.
 * @throws unsupported_media_type, payload_too_large, bad_json, validation_failed
 */
export async function readJson(request: Request, bytesMax = BODY_BYTES_MAX): Promise<JsonObject> {
  const type = request.headers.get("content-type") ?? "";
  if (!JSON_TYPE.test(type)) {
    throw coreErrors.unsupported_media_type(type.slice(0, 100), "application/json");
  }
  return parseJson(await readBytes(request, bytesMax));
}

/**
 * Like `readJson`, for routes whose body may be absent. A body counts whatever type it claims, or
 * does not: one that asks for less than all must never be passed over.
 */
export async function readOptionalJson(request: Request): Promise<JsonObject> {
  const bytes = await readBytes(request);
  return bytes.length === 0 ? {} : parseJson(bytes);
}

export async function readBytes(request: Request, bytesMax = BODY_BYTES_MAX): Promise<Uint8Array> {
  if (Number(request.headers.get("content-length") ?? 0) > bytesMax) {
    throw coreErrors.payload_too_large(bytesMax);
  }
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of request.body ?? []) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > bytesMax) throw coreErrors.payload_too_large(bytesMax);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function parseJson(bytes: Uint8Array): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    // The parser's message quotes the body, which may hold a password.
    throw authErrors.bad_json("The body is not valid JSON in UTF-8");
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    throw authErrors.bad_json("The body must be a JSON object");
  }
  checkValue(value, 0);
  return value as JsonObject;
}

function checkValue(value: unknown, depth: number): void {
  if (depth > DEPTH_MAX) {
    throw authErrors.validation_failed(`The body is nested deeper than ${DEPTH_MAX} levels`);
  }
  if (typeof value === "string") checkText(value);
  if (typeof value === "number" && !Number.isFinite(value)) {
    throw authErrors.validation_failed("The body holds a number out of range");
  }
  if (value === null || typeof value !== "object") return;
  for (const [key, inner] of Object.entries(value)) {
    if (key === "__proto__")
      throw authErrors.validation_failed("The key __proto__ is not accepted");
    checkText(key);
    checkValue(inner, depth + 1);
  }
}

function checkText(text: string): void {
  if (text.includes("\u0000")) throw authErrors.validation_failed("Text holds a NUL character");
  if (!text.isWellFormed()) throw authErrors.validation_failed("Text holds a lone surrogate");
}

/** `body[key]` as text; absent and null are "". @throws validation_failed */
export function textOf(body: JsonObject, key: string): string {
  const value = body[key] ?? "";
  if (typeof value !== "string") throw authErrors.validation_failed(`${key} must be a string`);
  return value;
}

/** `body[key]` as a flag; absent and null are false. @throws validation_failed */
export function flagOf(body: JsonObject, key: string): boolean {
  const value = body[key] ?? false;
  if (typeof value !== "boolean")
    throw authErrors.validation_failed(`${key} must be true or false`);
  return value;
}

/** `body[key]` as an object; null when absent or null. @throws validation_failed */
export function objectOf(body: JsonObject, key: string): JsonObject | null {
  const value = body[key] ?? null;
  if (value === null) return null;
  if (typeof value !== "object" || Array.isArray(value)) {
    throw authErrors.validation_failed(`${key} must be an object`);
  }
  return value as JsonObject;
}
