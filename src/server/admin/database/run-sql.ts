/**
 * `POST /_admin/sql`: statements on a connection of their own, in a read-only transaction unless the
 * request says `write`. It guards against accidents and not against the holder of the admin token,
 * who owns the database.
 */
import type { ReservedSql, Sql } from "postgres";
import { coreErrors, defineErrors, type ReactorError } from "../../../core/errors.ts";
import {
  leadingWords,
  type StatementText,
  splitStatements,
} from "../../../core/split-statements.ts";
import type { SqlAnswer, SqlNotice, SqlResult } from "../../../core/sql-answer.ts";
import type { TenantCtx } from "../../../core/tenant.ts";
import { openConnection } from "../../../postgres/databases.ts";
import type { SqlFailure } from "../../../postgres/migration-plan.ts";
import { type DatabaseParts, isSqlFailure } from "./parts.ts";
import { type RawResult, RowCollector, sizeOf } from "./row-collector.ts";
import { becomeStatements, type Person, readPerson } from "./sql-person.ts";

export interface SqlRequest {
  readonly sql: string;
  /** Texts, for a single statement that casts them. */
  readonly params: readonly string[];
  readonly write: boolean;
  /** A role, or a user's id or address, under whose row security the statements run. */
  readonly as?: string | undefined;
  /** All or nothing; a read-only request always is. */
  readonly single_transaction: boolean;
  readonly max_rows: number;
  readonly timeout_ms: number;
}

const errors = defineErrors({
  sql_read_only: (word: string) => ({
    status: 422,
    message: `${word.toUpperCase()} is not for a read-only request`,
    hint: "Give --write to change something",
  }),
  sql_unsupported: (word: string) => ({
    status: 422,
    message: `${word.toUpperCase()} from or to the client is not supported`,
    hint: "Use --csv for output, and INSERT or the data API for input",
  }),
  sql_role_fixed: (word: string) => ({
    status: 422,
    message: `${word.toUpperCase()} is not for a request as somebody`,
    hint: "Leave --as out",
  }),
  sql_statement_failed: (failure: StatementFailure) => ({
    status: 422,
    message: failure.cause.message,
    details: failure.cause.detail ?? null,
    hint: failure.cause.hint ?? null,
    extra: {
      sqlstate: failure.cause.code,
      line: failure.line,
      column: failure.column,
      results: failure.answer.results,
      notices: failure.answer.notices,
    },
    cause: failure.cause,
  }),
});

interface StatementFailure {
  readonly cause: SqlFailure;
  /** In the text as sent, from 1; null when PostgreSQL does not say. */
  readonly line: number | null;
  readonly column: number | null;
  /** What came before it. */
  readonly answer: SqlAnswer;
}

/** All results together; the connection is not asked for more. */
const BYTES_MAX = 64 * 1024 * 1024;
const ROWS_AT_ONCE = 500;

export async function runSql(
  parts: DatabaseParts,
  tenant: TenantCtx,
  request: SqlRequest,
  signal: AbortSignal,
): Promise<SqlAnswer> {
  const statements = splitStatements(request.sql);
  if (request.params.length > 0 && statements.length > 1) {
    throw coreErrors.bad_request("Parameters are for a single statement");
  }
  for (const statement of statements) check(statement.sql, request);
  const notices: SqlNotice[] = [];
  const sql = openConnection(parts.directUrl(tenant), parts.log, (notice) => {
    const { severity = "NOTICE", message = "", detail, hint } = notice;
    notices.push({ severity, message, detail: detail ?? null, hint: hint ?? null });
  });
  try {
    const person = request.as === undefined ? null : await readPerson(sql, request.as);
    const session = await sql.reserve();
    try {
      const running: Running = {
        ...{ parts, request, session, signal, person, results: [], notices },
        isOpen: false,
      };
      await runAll(running, statements);
      return { results: await typed(session, running.results), notices };
    } finally {
      session.release();
    }
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** What would end the transaction, or be somebody else, before PostgreSQL is asked. */
function check(statement: string, { write, as }: SqlRequest): void {
  const [first = "", second = "", third = ""] = leadingWords(statement, 3);
  if (first === "copy" && (!write || /\b(?:stdin|stdout)\b/i.test(statement))) {
    throw errors.sql_unsupported(first);
  }
  if (!write && ENDS_TRANSACTION.has(first)) throw errors.sql_read_only(first);
  if (as === undefined) return;
  const setsRole = [second, third].some((word) => word === "role" || word === "authorization");
  const isReset =
    first === "reset" && (second === "all" || second === "role" || second === "session");
  if (
    ENDS_TRANSACTION.has(first) ||
    isReset ||
    (first === "set" && setsRole) ||
    first === "discard"
  ) {
    throw errors.sql_role_fixed(first);
  }
}

const ENDS_TRANSACTION: ReadonlySet<string> = new Set([
  "abort",
  "begin",
  "commit",
  "end",
  "prepare",
  "rollback",
  "start",
]);

interface Running {
  readonly parts: DatabaseParts;
  readonly request: SqlRequest;
  readonly session: ReservedSql;
  readonly signal: AbortSignal;
  readonly person: Person | null;
  readonly results: RawResult[];
  readonly notices: SqlNotice[];
  /** In a transaction: PostgreSQL logs a warning when one is ended that is not there. */
  isOpen: boolean;
}

async function runAll(running: Running, statements: readonly StatementText[]): Promise<void> {
  const { request, session, person } = running;
  const { write, single_transaction: isSingle } = request;
  const isWrapped = !write || isSingle || person !== null;
  await session.unsafe(`set statement_timeout = ${request.timeout_ms}`);
  if (isWrapped) await session.unsafe(write ? "begin" : "begin read only");
  running.isOpen = isWrapped;
  // From its first snapshot on a transaction cannot be made writable.
  if (!write) await session.unsafe("select 1");
  if (person) for (const one of becomeStatements(person)) await session.unsafe(one.sql, one.params);
  for (const statement of statements) await runOne(running, statement);
  if (!running.isOpen) return;
  await session.unsafe(isWrapped && write ? "commit" : "rollback");
  if (!isWrapped) tellOfOpenTransaction(running);
}

/** Nobody could come back to it: the next request has another connection. */
function tellOfOpenTransaction({ notices }: Running): void {
  const message = "A transaction was left open and was rolled back";
  const hint = "Send begin … commit together";
  notices.push({ severity: "WARNING", message, detail: null, hint });
}

async function runOne(running: Running, statement: StatementText): Promise<void> {
  const { parts, request, results, notices, session } = running;
  const startedMs = parts.clock.monotonic();
  const wasOpen = running.isOpen;
  running.isOpen = isOpenAfter(statement.sql, wasOpen);
  try {
    const result = await collect(running, statement.sql);
    results.push({
      ...result,
      ms: Math.round((parts.clock.monotonic() - startedMs) * 1000) / 1000,
    });
  } catch (error) {
    if (!isSqlFailure(error)) throw error;
    // A COMMIT that fails has ended its transaction; what was to begin one has not begun it.
    if (wasOpen && running.isOpen) await session.unsafe("rollback");
    const position = Number(error.position ?? 0);
    const at = position === 0 ? null : placeOf(request.sql, statement.start, position);
    const answer = { results: await typed(session, results), notices };
    throw failed({ cause: error, line: at?.line ?? null, column: at?.column ?? null, answer });
  }
}

/** Whether a transaction is open once the statement has succeeded. */
function isOpenAfter(statement: string, wasOpen: boolean): boolean {
  const [first = "", ...rest] = leadingWords(statement, 5);
  if (!ENDS_TRANSACTION.has(first)) return wasOpen;
  if (first === "begin" || first === "start") return true;
  if (first === "prepare") return wasOpen && rest[0] !== "transaction";
  const isOther = rest.includes("to") || rest.includes("prepared");
  const isChained = rest.includes("chain") && !rest.includes("no");
  return wasOpen && (isOther || isChained);
}

function failed(failure: StatementFailure): ReactorError {
  return errors.sql_statement_failed(failure);
}

/** `position` counts characters from 1; JavaScript counts UTF-16 units. */
function placeOf(text: string, start: number, position: number): { line: number; column: number } {
  const before =
    text.slice(0, start) +
    Array.from(text.slice(start))
      .slice(0, position - 1)
      .join("");
  const lines = before.split("\n");
  return { line: lines.length, column: Array.from(lines.at(-1) ?? "").length + 1 };
}

/** Rows as texts, no more than asked for and than memory is given to. */
async function collect(
  { session, request, signal, results }: Running,
  statement: string,
): Promise<Omit<RawResult, "ms">> {
  const used = results.reduce((sum, { rows }) => sum + sizeOf(rows), 0);
  const rows = new RowCollector(request.max_rows, BYTES_MAX - used);
  let last: unknown;
  const options = { simple: false } as never;
  const query = session.unsafe(statement, [...request.params], options).raw();
  const running = query.cursor(ROWS_AT_ONCE, (chunk) => {
    last = chunk;
    rows.take(chunk);
    return rows.isFull ? session.CLOSE : undefined;
  });
  const cancel = () => query.cancel();
  signal.addEventListener("abort", cancel, { once: true });
  try {
    const result = await running;
    // The driver hands over only what has a count, which the rows of SHOW and EXPLAIN have not.
    if (result !== last && !rows.isFull) rows.take(result);
    return rows.result(result);
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}

/** Names of the columns' types, asked once for all. */
async function typed(session: Sql, results: readonly RawResult[]): Promise<SqlResult[]> {
  const oids = [...new Set(results.flatMap(({ columns }) => columns ?? []).map(({ oid }) => oid))];
  const rows =
    oids.length === 0
      ? []
      : await session<{ oid: number; name: string }[]>`
          select oid::bigint::float8 as oid, pg_catalog.format_type(oid, null) as name
          from pg_catalog.pg_type where oid = any(${oids}::oid[])`;
  const names = new Map(rows.map(({ oid, name }) => [oid, name]));
  return results.map(({ columns, ...result }) => ({
    ...result,
    columns: columns?.map(({ name, oid }) => ({ name, type: names.get(oid) ?? "unknown" })) ?? null,
  }));
}
