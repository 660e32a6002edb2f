/**
 * The server's log: implements the Logger port over a sink and keeps the recent lines. Made once at
 * boot from `[log]`; every room gets a `with({...})` child of its logger.
 */
import type { Clock } from "../../core/ports/clock.ts";
import type { LogFields, Logger, LogLevel } from "../../core/ports/log.ts";
import { prettyLog } from "../../core/pretty-log.ts";
import { ACCESS_EVENT, type AccessLog, accessFields, accessLines } from "./access-log.ts";
import { atLeast, createLogBuffer, type LogBuffer } from "./log-buffer.ts";
import { logLine, PlainLine, type WrittenLine } from "./log-line.ts";
import type { LogSink } from "./log-sink.ts";

export interface LogOptions {
  readonly clock: Clock;
  /** Least level that is written and kept. */
  readonly level: LogLevel;
  readonly format: "json" | "pretty";
  /** Colours of the pretty format. */
  readonly color: boolean;
  readonly sink: LogSink;
}

export interface Log {
  readonly logger: Logger;
  readonly access: AccessLog;
  readonly buffer: LogBuffer;
  /** Resolves when all lines are out. */
  flush(): Promise<void>;
}

export function createLog(options: LogOptions): Log {
  const buffer = createLogBuffer();
  const isPretty = options.format === "pretty";
  const write = (written: WrittenLine) => {
    buffer.add(written);
    options.sink.write(isPretty ? prettyLog(written.line, options.color) : written.json);
  };
  const emit = (level: LogLevel, event: string, own: LogFields, fields?: LogFields) => {
    if (!atLeast(level, options.level)) return;
    write(logLine(options.clock.now(), level, event, own, fields));
  };
  const make = (own: LogFields): Logger => ({
    debug: (event, fields) => emit("debug", event, own, fields),
    info: (event, fields) => emit("info", event, own, fields),
    warn: (event, fields) => emit("warn", event, own, fields),
    error: (event, fields) => emit("error", event, own, fields),
    with: (fields) => make({ ...own, ...fields }),
  });
  const accessLine = accessLines();
  const access: AccessLog = (entry) => {
    if (!atLeast("info", options.level)) return;
    const json = accessLine(options.clock.now(), entry);
    if (json === null) emit("info", ACCESS_EVENT, {}, accessFields(entry));
    else write(new PlainLine(json));
  };
  return { logger: make({}), access, buffer, flush: () => options.sink.flush() };
}

/** `auto` is pretty on a terminal, JSON otherwise. */
export function resolveLogFormat(
  format: "auto" | "json" | "pretty",
  isTerminal: boolean,
): "json" | "pretty" {
  if (format !== "auto") return format;
  return isTerminal ? "pretty" : "json";
}
