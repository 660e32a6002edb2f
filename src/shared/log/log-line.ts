/** Builds one log line from an event and its fields, and its JSON text of at most 16 KiB. */
import type { LogFields, LogLevel, LogLine } from "../../core/ports/log.ts";
import { safeField } from "./safe-value.ts";

const LINE_BYTES_MAX = 16_384;
/** A field cut to fit is shown by its first characters. */
const PREVIEW_MAX = 256;
const RESERVED = new Set(["time", "level", "event"]);

export interface WrittenLine {
  readonly line: LogLine;
  readonly json: string;
}

/** Never throws. Fields named like ours (`time`, `level`, `event`) get a leading `_`. */
export function logLine(
  timeMs: number,
  level: LogLevel,
  event: string,
  ...groups: readonly (LogFields | undefined)[]
): WrittenLine {
  const line: Record<string, unknown> = { time: new Date(timeMs).toISOString(), level, event };
  try {
    for (const fields of groups) addFields(line, fields);
    return fitted(line, JSON.stringify(line));
  } catch {
    const bare = { time: String(line["time"]), level, event, unreadable: true };
    return { line: bare, json: JSON.stringify(bare) };
  }
}

function addFields(line: Record<string, unknown>, fields: LogFields | undefined): void {
  if (!fields) return;
  for (const key of Object.keys(fields)) {
    const value = safeField(key, fields[key]);
    if (value !== undefined) line[RESERVED.has(key) ? `_${key}` : key] = value;
  }
}

function fitted(line: Record<string, unknown>, json: string): WrittenLine {
  // A character is at most 3 bytes of UTF-8 per UTF-16 unit: only then is counting needed.
  const fits = json.length * 3 <= LINE_BYTES_MAX || Buffer.byteLength(json) <= LINE_BYTES_MAX;
  if (fits) return { line: line as LogLine, json };
  const short: Record<string, unknown> = {};
  let left = LINE_BYTES_MAX - 64;
  for (const [key, value] of Object.entries(line)) {
    const text = JSON.stringify(value);
    const size = Buffer.byteLength(text) + Buffer.byteLength(key) + 4;
    const cut = size <= left ? value : `${text.slice(0, PREVIEW_MAX)}… (${size} bytes)`;
    const cost = cut === value ? size : Buffer.byteLength(JSON.stringify(cut)) + key.length * 3 + 4;
    if (cost > left) continue;
    short[key] = cut;
    left -= cost;
  }
  short["truncated"] = true;
  return { line: short as LogLine, json: JSON.stringify(short) };
}
