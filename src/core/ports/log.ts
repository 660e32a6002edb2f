export type LogLevel = "debug" | "info" | "warn" | "error";
/** Values that may stand in a log line. No tokens, bodies or SQL parameters. */
export type LogFields = Readonly<Record<string, unknown>>;

/** One JSON line an event. `event` is a stable dotted name (`data.schema_reloaded`). */
export interface Logger {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  /** A logger whose lines carry these fields too. */
  with(fields: LogFields): Logger;
}

/** A line as kept for `/_admin/logs` and written to stderr. */
export interface LogLine {
  readonly time: string;
  readonly level: LogLevel;
  readonly event: string;
  readonly [field: string]: unknown;
}
