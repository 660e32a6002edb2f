/** Builds one log line from an event and its fields, and its JSON text of at most 16 KiB. */
import type { LogFields, LogLevel, LogLine } from "../../core/ports/log.ts";
import { isoTime, plainLine } from "./plain-line.ts";
import { safeField } from "./safe-value.ts";

const LINE_BYTES_MAX = 16_384;
/** A character is at most 3 bytes of UTF-8 per UTF-16 unit: so many need no counting. */
const PLAIN_LINE_MAX = Math.floor(LINE_BYTES_MAX / 3);
/** A field cut to fit is shown by its first characters. */
const PREVIEW_MAX = 256;
const RESERVED = new Set(["time", "level", "event"]);

export interface WrittenLine {
  readonly json: string;
  /** Made when it is asked for: only followers and the pretty format do. */
  readonly line: LogLine;
}

/** Never throws. Fields named like ours (`time`, `level`, `event`) get a leading `_`. */
export function logLine(
  timeMs: number,
  level: LogLevel,
  event: string,
  own: LogFields = {},
  fields: LogFields = {},
): WrittenLine {
  const time = isoTime(timeMs);
  try {
    const plain = plainLine(time, level, event, own, fields);
    if (plain !== null && plain.length <= PLAIN_LINE_MAX) return new PlainLine(plain);
    const line: Record<string, unknown> = { time, level, event };
    addFields(line, own);
    addFields(line, fields);
    return fitted(line, JSON.stringify(line));
  } catch {
    const bare = { time, level, event, unreadable: true };
    return { line: bare, json: JSON.stringify(bare) };
  }
}

/** A line that was written as text. */
export class PlainLine implements WrittenLine {
  readonly json: string;

  constructor(json: string) {
    this.json = json;
  }

  get line(): LogLine {
    return JSON.parse(this.json) as LogLine;
  }
}

function addFields(line: Record<string, unknown>, fields: LogFields): void {
  for (const key of Object.keys(fields)) {
    const value = safeField(key, fields[key]);
    if (value !== undefined) line[RESERVED.has(key) ? `_${key}` : key] = value;
  }
}

function fitted(line: Record<string, unknown>, json: string): WrittenLine {
  const fits = json.length <= PLAIN_LINE_MAX || Buffer.byteLength(json) <= LINE_BYTES_MAX;
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
