/**
 * Turns PostgreSQL's stderr into events of our log. Statement errors belong to whoever sent the
 * statement, and their details may hold a person's data: they and the continuation lines of client
 * processes are dropped. Also spots what the supervisor must react to.
 */
import type { Logger, LogLevel } from "../../core/ports/log.ts";

/** What a record means to the supervisor. */
export type LogSignal = "disk_full" | "reinitializing" | "ready" | null;

/** One record of the log, as far as it could be read. */
export interface PostgresRecord {
  /** Null for a line without our prefix: the loader's, or a continuation. */
  readonly pid: number | null;
  readonly sqlstate: string;
  readonly severity: string;
  readonly text: string;
}

const RECORD = /^@(\d+)\|(\w+)\|(\w+):\s+(.*)$/;
const LEVELS: Readonly<Record<string, LogLevel>> = {
  LOG: "debug",
  WARNING: "warn",
  FATAL: "warn",
  PANIC: "error",
};

export function parseRecord(line: string): PostgresRecord {
  const found = RECORD.exec(line);
  if (!found) return { pid: null, sqlstate: "", severity: "", text: line };
  const [, pid = "", sqlstate = "", severity = "", text = ""] = found;
  return { pid: Number(pid), sqlstate, severity, text };
}

/** Writes the record to the log if it belongs there. `postmaster` is our child's pid. */
export function logRecord(log: Logger, record: PostgresRecord, postmaster: number): void {
  const fromPostmaster = record.pid === null || record.pid === postmaster;
  const level = LEVELS[record.severity] ?? (fromPostmaster ? "warn" : null);
  // Refusals while it starts or stops are the pools' ordinary noise: SQLSTATE 57P01 to 57P03.
  if (level === null || (record.severity === "FATAL" && record.sqlstate.startsWith("57P"))) return;
  if (record.text.trim() === "") return;
  log[level]("postgres.log", {
    severity: record.severity || null,
    sqlstate: record.sqlstate || null,
    message: record.text,
    process: record.pid,
  });
}

export function signalOf(record: PostgresRecord): LogSignal {
  if (record.sqlstate === "53100" && /^(?:PANIC|FATAL)$/.test(record.severity)) return "disk_full";
  if (record.text.includes("all server processes terminated; reinitializing")) {
    return "reinitializing";
  }
  return record.text.startsWith("database system is ready to accept connections") ? "ready" : null;
}
