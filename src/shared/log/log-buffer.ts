/**
 * The last lines of the log, for `/_admin/logs` and its followers. Bounded by count and by size, and
 * kept as bytes in a few blocks that are used again: thousands of strings that each live for a while
 * were most of what the garbage collector had to do under load.
 */
import type { LogLevel, LogLine } from "../../core/ports/log.ts";
import { LineBlocks } from "./line-blocks.ts";
import type { WrittenLine } from "./log-line.ts";

const LINES_MAX = 5000;
const BYTES_MAX = 4 * 1024 * 1024;
const RANK: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** True when `level` is at least `least`. */
export function atLeast(level: LogLevel, least: LogLevel): boolean {
  return RANK[level] >= RANK[least];
}

export interface LogFilter {
  /** Lines at or after this wall-clock time, milliseconds since the epoch. */
  readonly sinceMs?: number | undefined;
  /** Least level. */
  readonly level?: LogLevel | undefined;
  /** Lines whose `capability` field is this. */
  readonly capability?: string | undefined;
  /** The newest so many. Default and bound 5,000. */
  readonly limit?: number | undefined;
}

export interface LogBuffer {
  add(written: WrittenLine): void;
  /** Oldest first. */
  recent(filter?: LogFilter): LogLine[];
  /** Calls `onLine` for each line from now on; the returned function ends it. */
  subscribe(onLine: (line: LogLine) => void): () => void;
}

export function matchesFilter(line: LogLine, filter: LogFilter): boolean {
  if (filter.level && !atLeast(line.level, filter.level)) return false;
  if (filter.capability && line["capability"] !== filter.capability) return false;
  return filter.sinceMs === undefined || Date.parse(line.time) >= filter.sinceMs;
}

export function createLogBuffer(linesMax = LINES_MAX, bytesMax = BYTES_MAX): LogBuffer {
  const blocks = new LineBlocks(linesMax, bytesMax);
  const subscribers = new Set<(line: LogLine) => void>();
  return {
    add(written) {
      blocks.add(written.json);
      if (subscribers.size === 0) return;
      const { line } = written;
      for (const onLine of subscribers) {
        try {
          onLine(line);
        } catch {
          // A follower that fails must not fail whoever logs; it hears no more.
          subscribers.delete(onLine);
        }
      }
    },
    recent(filter = {}) {
      const limit = Math.min(filter.limit ?? linesMax, linesMax);
      const found: LogLine[] = [];
      for (const json of blocks.newestFirst()) {
        if (found.length >= limit) break;
        const line = JSON.parse(json) as LogLine;
        if (matchesFilter(line, filter)) found.push(line);
      }
      return found.reverse();
    },
    subscribe(onLine) {
      subscribers.add(onLine);
      return () => subscribers.delete(onLine);
    },
  };
}
