/**
 * JSON text of a log line whose fields are all texts, numbers and booleans, written by hand: every
 * request logs one, and an object that is made to be turned into text costs three times as much.
 */
import type { LogFields, LogLevel } from "../../core/ports/log.ts";
import { isSecretKey } from "./safe-value.ts";

/** Longer texts may have to be cut. */
const TEXT_MAX = 1024;
/** Stands in JSON as it is. */
const PLAIN_TEXT = /^[ !#-[\]-~]*$/;
const PLAIN_KEY = /^(?!(?:time|level|event)$)[A-Za-z_][A-Za-z0-9_]*$/;

/** Null when something needs more care than this: see `logLine`. */
export function plainLine(
  time: string,
  level: LogLevel,
  event: string,
  own: LogFields,
  fields: LogFields,
): string | null {
  const name = plainText(event);
  const before = plainFields(own, NONE);
  const after = before === null ? null : plainFields(fields, own);
  if (name === null || after === null) return null;
  return `{"time":"${time}","level":"${level}","event":${name}${before}${after}}`;
}

const NONE: LogFields = {};

/** `,"key":value` for each; null also when one of them stands among `taken`. */
function plainFields(fields: LogFields, taken: LogFields): string | null {
  let json = "";
  for (const key of Object.keys(fields)) {
    const value = fields[key];
    if (value === undefined) continue;
    const head = headOf(key);
    const text = plainValue(value);
    if (text === null || head === null || Object.hasOwn(taken, key)) return null;
    json += head + text;
  }
  return json;
}

function plainValue(value: unknown): string | null {
  switch (typeof value) {
    case "string":
      return plainText(value);
    case "number":
      return Number.isFinite(value) ? String(value) : null;
    case "boolean":
      return value ? "true" : "false";
    default:
      return value === null ? "null" : null;
  }
}

/** Stands between quotes as it is: nothing to escape, to cut or to mask (a URL may hold a password). */
export function isPlainText(text: string): boolean {
  return text.length <= TEXT_MAX && PLAIN_TEXT.test(text) && !text.includes("://");
}

function plainText(text: string): string | null {
  if (isPlainText(text)) return `"${text}"`;
  return text.length > TEXT_MAX || text.includes("://") ? null : JSON.stringify(text);
}

/** Names stand in our own code: few, and asked for at every line. */
const HEADS_MAX = 2_000;
const heads = new Map<string, string | null>();

/** `,"key":`, or null for a name that is one of ours, tells of a secret or is no plain word. */
function headOf(key: string): string | null {
  let head = heads.get(key);
  if (head === undefined) {
    head = PLAIN_KEY.test(key) && !isSecretKey(key) ? `,"${key}":` : null;
    if (heads.size < HEADS_MAX) heads.set(key, head);
  }
  return head;
}

let second = Number.NaN;
let secondText = "";

/** As `Date.toISOString`, which is made once a second. */
export function isoTime(timeMs: number): string {
  const at = Math.floor(timeMs / 1000);
  if (at !== second) {
    secondText = new Date(at * 1000).toISOString().slice(0, -4);
    second = at;
  }
  return `${secondText}${String(Math.floor(timeMs) - at * 1000).padStart(3, "0")}Z`;
}
