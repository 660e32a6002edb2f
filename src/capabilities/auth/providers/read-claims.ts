/**
 * Takes claims out of a provider's answer. A path is names and positions with dots (`data.0.id`);
 * `a&b` is true when both are, `a?` when there is anything at all.
 */
import type { JsonObject } from "../schema.ts";

export function readClaims(answer: unknown, paths: Readonly<Record<string, string>>): JsonObject {
  const claims: JsonObject = {};
  for (const [name, path] of Object.entries(paths)) {
    const value = readPath(answer, path);
    if (value !== undefined && value !== null) claims[name] = value as JsonObject[string];
  }
  return claims;
}

function readPath(answer: unknown, path: string): unknown {
  if (path.includes("&")) return path.split("&").every((one) => isTrue(readPath(answer, one)));
  if (path.endsWith("?")) return Boolean(readPath(answer, path.slice(0, -1)));
  return path.split(".").reduce<unknown>((value, key) => {
    const isNode = typeof value === "object" && value !== null && Object.hasOwn(value, key);
    return isNode ? (value as Record<string, unknown>)[key] : undefined;
  }, answer);
}

/** What providers send for a verified address: true, "true" or 1. Anything else is not. */
export function isTrue(value: unknown): boolean {
  return value === true || value === "true" || value === 1;
}

/** The provider's id of a person: text, or a whole number as text; else null. */
export function readSubject(value: unknown): string | null {
  const isNumber = typeof value === "number" && Number.isSafeInteger(value);
  const text = isNumber ? String(value) : value;
  const isText = typeof text === "string" && text !== "" && text.length <= 255;
  return isText && text.isWellFormed() && !text.includes("\u0000") ? text : null;
}
