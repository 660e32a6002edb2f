/** Statements sent to the server, and what of them is the same from one to the next. */
import type { SqlAnswer, SqlFault } from "../../core/sql-answer.ts";
import { CliError, EXIT } from "../cli-error.ts";
import type { CommandContext } from "../command.ts";
import { exitFor, type ServerClient } from "../server-client.ts";
import { jsonRows } from "./json-rows.ts";
import { type PrintStyle, printAnswer, printFault } from "./print-results.ts";

export interface SqlOptions {
  write: boolean;
  /** A role, or a user's id or address. */
  as: string | undefined;
  readonly singleTransaction: boolean;
  readonly maxRows: number | undefined;
  readonly timeoutMs: number | undefined;
}

export interface SqlSession {
  readonly context: CommandContext;
  readonly client: ServerClient;
  readonly options: SqlOptions;
  readonly style: PrintStyle;
  /** Answers as the command line's own JSON, for programs. */
  readonly isJson: boolean;
}

type Sent = { readonly answer: SqlAnswer } | { readonly fault: SqlFault; readonly exit: number };

/** The answer or the refusal. @throws CliError for a server that cannot be reached */
export async function sendSql(
  { client, options }: SqlSession,
  sql: string,
  signal?: AbortSignal,
): Promise<Sent> {
  const json = {
    sql,
    write: options.write,
    single_transaction: options.singleTransaction,
    ...(options.as === undefined ? {} : { as: options.as }),
    ...(options.maxRows === undefined ? {} : { max_rows: options.maxRows }),
    ...(options.timeoutMs === undefined ? {} : { timeout_ms: options.timeoutMs }),
  };
  const more = signal === undefined ? {} : { signal };
  const response = await client.send("/_admin/sql", {
    method: "POST",
    json,
    isLong: true,
    ...more,
  });
  const body: unknown = await response.json().catch(() => ({}));
  if (response.ok) return { answer: body as SqlAnswer };
  const { code, message, details = null, hint = null, ...rest } = body as Partial<SqlFault>;
  const fault = {
    ...rest,
    ...{ code: code ?? `http_${response.status}`, message: message ?? `HTTP ${response.status}` },
    ...{ details, hint },
  };
  return { fault, exit: EXIT[exitFor(response.status)] };
}

/** Rows of one of our own questions: read-only, as the owner. @throws CliError when it is refused */
export async function askCatalog(
  { client }: SqlSession,
  sql: string,
  params: readonly string[] = [],
): Promise<SqlAnswer["results"][number]> {
  const json = { sql, params };
  const answer = await client.json<SqlAnswer>("/_admin/sql", { method: "POST", json });
  const [result] = answer.results;
  if (!result) throw new CliError("server", "unexpected", "The server answered nothing");
  return result;
}

/** Sends a text and prints what comes; the exit code. */
export async function runText(
  session: SqlSession,
  sql: string,
  signal?: AbortSignal,
): Promise<number> {
  const { context, style, isJson } = session;
  const sent = await sendSql(session, sql, signal);
  if (isJson) return printJson(context, sent);
  if ("answer" in sent) {
    printAnswer(context, sent.answer, style);
    return EXIT.ok;
  }
  const { results = [], notices = [] } = sent.fault;
  printAnswer(context, { results, notices }, style);
  printFault(context, sent.fault, sql);
  return sent.exit;
}

function printJson({ out }: CommandContext, sent: Sent): number {
  if ("answer" in sent) {
    out.result(asData(sent.answer), "");
    return EXIT.ok;
  }
  const {
    code,
    message,
    hint,
    sqlstate = null,
    line = null,
    results = [],
    notices = [],
  } = sent.fault;
  out.failure({ code, message, hint, data: { sqlstate, line, ...asData({ results, notices }) } });
  return sent.exit;
}

function asData({ results, notices }: SqlAnswer) {
  return {
    results: results.map((result) => ({ ...result, rows: jsonRows(result) })),
    notices,
  };
}
