/**
 * A log line for people: local time, level, event, then the fields. Used by the server on a
 * terminal and by `reactor logs`. Control characters are escaped, so that a logged text cannot
 * drive the terminal.
 */
import type { LogLevel, LogLine } from "./ports/log.ts";

const COLORS: Readonly<Record<LogLevel, string>> = {
  debug: "\x1b[90m",
  info: "\x1b[32m",
  warn: "\x1b[33m",
  error: "\x1b[31m",
};
const DIM = "\x1b[2m";
const BOLD = "\x1b[1m";
const OFF = "\x1b[0m";
const EVENT_WIDTH = 26;
const PLAIN = /^[\p{L}\p{N}_./:@%+,*~-]+$/u;
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** Shows control and bidirectional characters by their code. */
export function escapeControls(text: string): string {
  return text.replace(CONTROL, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** One or more terminal lines, without the final newline. */
export function prettyLog(line: LogLine, color: boolean): string {
  const paint = (code: string, text: string) => (color ? code + text + OFF : text);
  const { time, level, event, ...fields } = line;
  const error = fields["error"];
  const shown = Object.entries(fields)
    .filter(([key]) => key !== "error")
    .map(([key, value]) => `${paint(DIM, `${escapeControls(key)}=`)}${fieldText(value)}`);
  if (error !== undefined) shown.push(`${paint(DIM, "error=")}${errorText(error)}`);
  const name = escapeControls(event);
  const head = [
    paint(DIM, clockText(time)),
    paint(COLORS[level] ?? "", String(level).toUpperCase().padEnd(5)),
    paint(BOLD, shown.length > 0 ? name.padEnd(EVENT_WIDTH) : name),
  ].join(" ");
  const text = shown.length > 0 ? `${head} ${shown.join(" ")}` : head;
  return text + stackText(error, (part) => paint(DIM, part));
}

function clockText(time: string): string {
  const at = new Date(time);
  if (Number.isNaN(at.getTime())) return escapeControls(String(time));
  const two = (n: number) => String(n).padStart(2, "0");
  const ms = String(at.getMilliseconds()).padStart(3, "0");
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${ms}`;
}

function fieldText(value: unknown): string {
  if (typeof value === "string" && PLAIN.test(value)) return value;
  return escapeControls(JSON.stringify(value) ?? "");
}

function errorText(error: unknown): string {
  const message = (error as { message?: unknown } | null)?.message;
  return fieldText(typeof message === "string" ? message : error);
}

/** The stack and the causes, indented under the line. */
function stackText(error: unknown, dim: (text: string) => string): string {
  let text = "";
  let current = error as { stack?: unknown; cause?: unknown } | null | undefined;
  for (let depth = 0; depth < 6 && typeof current?.stack === "string"; depth++) {
    const lines = current.stack.split("\n").map((part) => escapeControls(part.trimEnd()));
    const title = depth === 0 ? [] : [`caused by ${lines[0] ?? ""}`];
    text += [...title, ...lines.slice(1)].map((part) => `\n      ${dim(part)}`).join("");
    current = current.cause as typeof current;
  }
  return text;
}
