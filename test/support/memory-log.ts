/** A logger that keeps its lines, for tests that assert what was (and was not) logged. */
import type { LogFields, Logger, LogLevel } from "../../src/core/ports/log.ts";

export interface KeptLine {
  readonly level: LogLevel;
  readonly event: string;
  readonly fields: LogFields;
}

export interface MemoryLog extends Logger {
  readonly lines: readonly KeptLine[];
}

export function createMemoryLog(lines: KeptLine[] = [], common: LogFields = {}): MemoryLog {
  const at =
    (level: LogLevel) =>
    (event: string, fields: LogFields = {}) => {
      lines.push({ level, event, fields: { ...common, ...fields } });
    };
  return {
    lines,
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    with: (fields) => createMemoryLog(lines, { ...common, ...fields }),
  };
}
