/**
 * Makes any value fit for a log line: plain, bounded, without cycles and without secrets. Errors
 * keep their chain of causes. Never throws, whatever getters and proxies do.
 */
import { maskUrlPasswords } from "../../core/config/mask.ts";

const SECRET_KEY = /passw(?:or)?d|token|secret|authorization|api_?-?key|cookie|private_?key/i;
/** Keys are names in our own code and in headers: few, and asked for at every line. */
const KEYS_REMEMBERED_MAX = 2_000;
const REDACTED = "[redacted]";
const DEPTH_MAX = 6;
const ITEMS_MAX = 50;
const TEXT_MAX = 4096;
const CAUSES_MAX = 5;
/** Facts of an error that help and hold no user data. */
const ERROR_FACTS = ["code", "errno", "syscall", "status", "exitCode"];

const secretKeys: Record<string, boolean> = Object.create(null);
let keysRemembered = 0;

/** Whether the value of a field of this name is never written. */
export function isSecretKey(key: string): boolean {
  const known = secretKeys[key];
  if (known !== undefined) return known;
  const isSecret = SECRET_KEY.test(key);
  if (keysRemembered < KEYS_REMEMBERED_MAX) {
    secretKeys[key] = isSecret;
    keysRemembered += 1;
  }
  return isSecret;
}

/** A field as it may be written: `key` decides on redaction. */
export function safeField(key: string, value: unknown): unknown {
  if (typeof value === "number" && Number.isFinite(value)) {
    return isSecretKey(key) ? REDACTED : value;
  }
  try {
    return field(key, value, DEPTH_MAX, []);
  } catch {
    return "[unreadable]";
  }
}

function field(key: string, value: unknown, depth: number, above: readonly object[]): unknown {
  const isSecret = value !== null && typeof value !== "boolean" && isSecretKey(key);
  return isSecret ? REDACTED : safe(value, depth, above);
}

function safe(value: unknown, depth: number, above: readonly object[]): unknown {
  switch (typeof value) {
    case "string":
      return safeText(value);
    case "boolean":
      return value;
    case "number":
      return Number.isFinite(value) ? value : String(value);
    case "bigint":
      return String(value);
    case "undefined":
      return undefined;
    case "object":
      return value === null ? null : safeObject(value, depth, above);
    default:
      return `[${typeof value}]`;
  }
}

function safeText(text: string): string {
  const cut = text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}… (${text.length})` : text;
  return cut.includes("://") ? maskUrlPasswords(cut) : cut;
}

function safeObject(value: object, depth: number, above: readonly object[]): unknown {
  if (above.includes(value)) return "[cycle]";
  if (value instanceof Error) return safeError(value, CAUSES_MAX);
  if (value instanceof Date) {
    return Number.isNaN(value.getTime()) ? "[invalid date]" : value.toISOString();
  }
  if (value instanceof URL) return maskUrlPasswords(value.href);
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
  if (depth <= 0) return "[…]";
  const path = [...above, value];
  if (value instanceof Set) return safeItems([...value], depth, path);
  if (Array.isArray(value)) return safeItems(value, depth, path);
  const entries = value instanceof Map ? [...value] : Object.keys(value).map((k) => [k] as const);
  return safeEntries(value, entries, depth, path);
}

function safeItems(items: readonly unknown[], depth: number, path: readonly object[]): unknown[] {
  const kept = items.slice(0, ITEMS_MAX).map((item) => safe(item, depth - 1, path) ?? null);
  return items.length > ITEMS_MAX ? [...kept, `… ${items.length - ITEMS_MAX} more`] : kept;
}

function safeEntries(
  owner: object,
  entries: readonly (readonly unknown[])[],
  depth: number,
  path: readonly object[],
): Record<string, unknown> {
  const out: Record<string, unknown> = Object.create(null);
  for (const entry of entries.slice(0, ITEMS_MAX)) {
    const key = String(entry[0]);
    out[key] = tryRead(() => {
      const value = entry.length === 2 ? entry[1] : (owner as Record<string, unknown>)[key];
      return field(key, value, depth - 1, path);
    });
  }
  if (entries.length > ITEMS_MAX) out["…"] = `${entries.length - ITEMS_MAX} more`;
  return out;
}

function tryRead(read: () => unknown): unknown {
  try {
    return read();
  } catch {
    return "[unreadable]";
  }
}

function safeError(error: Error, causesLeft: number): Record<string, unknown> {
  const out: Record<string, unknown> = {
    name: tryRead(() => safeText(String(error.name))),
    message: tryRead(() => safeText(String(error.message))),
  };
  for (const fact of ERROR_FACTS) {
    const value = tryRead(() => (error as unknown as Record<string, unknown>)[fact]);
    if (typeof value === "string" || typeof value === "number") out[fact] = value;
  }
  out["stack"] = tryRead(() => safeText(String(error.stack ?? "")));
  const cause = tryRead(() => error.cause);
  if (cause === undefined || causesLeft === 0) return out;
  out["cause"] =
    cause instanceof Error
      ? safeError(cause, causesLeft - 1)
      : tryRead(() => safe(cause, 2, [error]));
  return out;
}
