/**
 * Bounds what a function may write to the log: line length, and lines a second. What is left out is
 * counted and reported with the next line that passes, or a second later. Used in the child (so that the channel stays
 * free) and again in the server (which cannot trust the child).
 */
import type { Clock } from "../core/ports/clock.ts";
import { LruMap } from "../shared/lru-map.ts";

export const LOG_LINE_BYTES = 8 * 1024;
export const LOG_LINES_PER_S = 1000;
/** The server's own limit: above the child's, so that it only bites when a child does not keep to its. */
export const LOG_LINES_ACCEPTED_PER_S = 2 * LOG_LINES_PER_S;
/** All functions of one WASM host together, so that one that floods leaves others as much. */
const LOG_LINES_TOGETHER_PER_S = 2 * LOG_LINES_PER_S;
/** Functions in one host that are told apart. */
const OWNERS_MAX = 1_000;

/** At most `LOG_LINE_BYTES` characters, with a mark where it was cut. */
export function cutLine(text: string): string {
  return text.length <= LOG_LINE_BYTES ? text : `${text.slice(0, LOG_LINE_BYTES)}… (cut)`;
}

/** Around the text of a line on its way: level, id, quotes. */
const LINE_ENVELOPE_BYTES = 256;
/** `\u0001`. */
const ESCAPE_BYTES = 6;

/** As how many lines it counts: as JSON, a character may have six bytes, and the channel bounds bytes. */
export function weightOf(line: string): number {
  const mayBeLong = line.length * ESCAPE_BYTES > LOG_LINE_BYTES;
  const bytes = mayBeLong ? Buffer.byteLength(JSON.stringify(line)) : 0;
  return Math.max(1, Math.ceil(bytes / (LOG_LINE_BYTES + LINE_ENVELOPE_BYTES)));
}

export interface LogCap {
  /** True when this line may pass. @param weight as how many it counts, default 1 */
  admit(weight?: number): boolean;
}

interface CapOptions {
  /** Default `LOG_LINES_PER_S`. */
  readonly linesPerS?: number;
  /** What it shares with others, where it does. */
  readonly whole?: LogCap;
  /** Told how many were refused, in words: before the next line that passes, or when a second has gone by without one. */
  readonly onDropped?: (said: string) => void;
}

const WINDOW_MS = 1000;

export function createLogCap(clock: Clock, options: CapOptions = {}): LogCap {
  const { linesPerS = LOG_LINES_PER_S, whole, onDropped } = options;
  let windowStart = clock.monotonic();
  let passed = 0;
  let dropped = 0;
  const roll = () => {
    const now = clock.monotonic();
    if (now - windowStart < WINDOW_MS) return;
    windowStart = now;
    passed = 0;
  };
  const tell = () => {
    const count = dropped;
    dropped = 0;
    if (count > 0) onDropped?.(count === 1 ? ONE_DROPPED : `${count} log lines were dropped`);
  };
  return {
    admit(weight = 1) {
      roll();
      if (passed + weight > linesPerS || whole?.admit(weight) === false) {
        dropped += 1;
        if (dropped === 1 && onDropped) clock.after(WINDOW_MS, tell);
        return false;
      }
      passed += weight;
      if (passed < linesPerS) tell();
      return true;
    },
  };
}

const ONE_DROPPED = "1 log line was dropped";

/**
 * Caps of functions that share a process, by whatever names them.
 *
 * @param onDropped as of one cap, with the name
 */
export function createLogCaps(
  clock: Clock,
  onDropped: (owner: string, said: string) => void,
): (owner: string) => LogCap {
  const whole = createLogCap(clock, { linesPerS: LOG_LINES_TOGETHER_PER_S });
  const caps = new LruMap<string, LogCap>(OWNERS_MAX);
  return (owner) => {
    const known = caps.get(owner);
    if (known) return known;
    const cap = createLogCap(clock, { whole, onDropped: (said) => onDropped(owner, said) });
    caps.set(owner, cap);
    return cap;
  };
}
