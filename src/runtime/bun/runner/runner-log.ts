/**
 * What the function prints, as log lines with the id of the request it belongs to. A line leaves at once: what
 * runs next may hold the thread for good or end the process, and that costs 3 µs more than to wait for the end
 * of the turn. Length and rate are bounded so that a loop of `console.log` harms nobody.
 */
import type { Clock } from "../../../core/ports/clock.ts";
import { createLogCap, cutLine, weightOf } from "../../log-cap.ts";
import type { LogEntry, LogLevelName } from "../../messages.ts";
import { callScope } from "./call-scope.ts";

export interface RunnerLog {
  write(level: LogLevelName, args: readonly unknown[]): void;
  /** An error with its stack. */
  failure(what: string, error: unknown): void;
}

const CONSOLE_LEVELS = {
  log: "info",
  info: "info",
  debug: "debug",
  trace: "debug",
  warn: "warn",
  error: "error",
} as const;

/** Replaces the global console and returns the way in for our own lines. */
export function captureConsole(clock: Clock, send: (lines: LogEntry[]) => void): RunnerLog {
  const cap = createLogCap(clock, { onDropped: (said) => send([["warn", null, said]]) });

  function push(level: LogLevelName, text: string): void {
    const line = cutLine(text);
    if (!cap.admit(weightOf(line))) return;
    send([[level, callScope.getStore()?.id ?? null, line]]);
  }

  const log: RunnerLog = {
    write: (level, args) => push(level, textOf(args)),
    failure(what, error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      push("error", `${what}: ${text}`);
    },
  };
  for (const [method, level] of Object.entries(CONSOLE_LEVELS)) {
    Reflect.set(console, method, (...args: unknown[]) => log.write(level, args));
  }
  return log;
}

/** As the console of Node prints it. The module is loaded by the first line: many functions print none. */
function textOf(args: readonly unknown[]): string {
  const { formatWithOptions } = process.getBuiltinModule("node:util");
  return formatWithOptions({ colors: false }, ...args);
}
