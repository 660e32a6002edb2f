/**
 * Errors of Postgres as answers: the SQLSTATE is the code, the status follows PostgREST's table
 * (docs.postgrest.org, "Errors / HTTP Status Codes").
 */
import { ReactorError } from "../../core/errors.ts";
import { PgError } from "../../postgres/wire/pg-error.ts";
import { asPostgrest, errors } from "./errors.ts";
import { headerText } from "./header-text.ts";

const EXACT: Readonly<Record<string, number>> = {
  "21000": 500,
  "22023": 400,
  "23503": 409,
  "23505": 409,
  "25006": 405,
  "42883": 404,
  "42P01": 404,
  "42P17": 500,
  "53400": 500,
  "57P01": 503,
  P0001: 400,
};
const BY_CLASS: Readonly<Record<string, number>> = {
  "08": 503,
  "09": 500,
  "0L": 403,
  "0P": 403,
  "25": 500,
  "28": 403,
  "2D": 500,
  "38": 500,
  "39": 500,
  "3B": 500,
  "40": 500,
  "53": 503,
  "54": 500,
  "55": 500,
  "57": 500,
  "58": 500,
  F0: 500,
  HV: 500,
  P0: 500,
  XX: 500,
};

/** SQLSTATEs after which the schema in the cache may be stale. */
const STALE: ReadonlySet<string> = new Set(["42P01", "42703", "42704", "42883", "0A000"]);
/** "cardinality_violation": where one row was expected, a key names one no more. */
const NOT_ONE = "21000";

export function mayBeStale(error: unknown, expectsOne = false): boolean {
  if (!(error instanceof PgError)) return false;
  if (expectsOne && error.code === NOT_ONE) return true;
  return STALE.has(error.code) && guardOf(error) === null;
}

/** @param isAnonymous the caller had no credential: what is forbidden to them asks for one. */
export function fromPgError(error: PgError, isAnonymous: boolean): ReactorError {
  const guarded = guardOf(error);
  if (guarded !== null) return guarded;
  if (error.code === "PGRST") return fromRaised(error);
  const status = statusOf(error, isAnonymous);
  return asPostgrest(
    new ReactorError({
      status,
      code: error.code,
      message: error.message,
      details: error.detail,
      hint: error.hint,
      headers: status === 401 ? { "WWW-Authenticate": "Bearer" } : {},
      cause: error,
    }),
  );
}

/**
 * What a guard in the SQL refused (see `guard` in `compile/wrap-result.ts`). The message is in the
 * server's language; that it is about a setting, and of our own statement, not of a function that it
 * calls, is told by other fields.
 */
function guardOf(error: PgError): ReactorError | null {
  if (error.code !== "42704" || error.routine !== "find_option" || error.where !== null)
    return null;
  const [, code, rows = "0"] = /\b(PGRST1(?:15|16|24)):(\d+)\b/.exec(error.message) ?? [];
  switch (code) {
    case "PGRST115":
      return errors.PGRST115();
    case "PGRST116":
      return errors.PGRST116(rows);
    case "PGRST124":
      return errors.PGRST124(rows);
    default:
      return null;
  }
}

function statusOf(error: PgError, isAnonymous: boolean): number {
  const { code, message } = error;
  if (code === "42501") return isAnonymous ? 401 : 403;
  if (code === "21000" && message.endsWith("requires a WHERE clause")) return 400;
  if (code === "22023" && /^role .* does not exist$/s.test(message)) return 401;
  if (code === "42883" && message.startsWith("function xmlagg(")) return 406;
  const chosen = /^PT([2-5]\d\d)$/.exec(code);
  if (chosen) return Number(chosen[1]);
  return EXACT[code] ?? BY_CLASS[code.slice(0, 2)] ?? (code.startsWith("PT") ? 500 : 400);
}

/**
 * `raise sqlstate 'PGRST' using message = '{"code":…}', detail = '{"status":…,"headers":{}}'`: the
 * function writes the whole answer (docs.postgrest.org, "Errors / RAISE errors with HTTP…"). Its
 * `status_text` is read and not sent: the reason phrase is always the standard one.
 */
function fromRaised(error: PgError): ReactorError {
  const body = parseObject(error.message);
  if (!body || !isBody(body)) {
    return errors.PGRST121(
      `Invalid JSON value for MESSAGE: '${error.message}'`,
      "MESSAGE must be a JSON object with obligatory keys: 'code', 'message' and optional keys: 'details', 'hint'.",
      error,
    );
  }
  const answer = error.detail === null ? null : parseObject(error.detail);
  if (!answer || !isAnswer(answer)) {
    return errors.PGRST121(
      error.detail === null
        ? "DETAIL is missing in the RAISE statement"
        : `Invalid JSON value for DETAIL: '${error.detail}'`,
      "DETAIL must be a JSON object with obligatory keys: 'status', 'headers' and optional key: 'status_text'.",
      error,
    );
  }
  const { status } = answer;
  const headers = Object.fromEntries(
    Object.entries(answer.headers).map(([name, value]) => [name, headerText(value)]),
  );
  const { code, message, details, hint } = body;
  return asPostgrest(
    new ReactorError({
      ...{ status, code, message, headers, cause: error },
      ...{ details: details ?? null, hint: hint ?? null },
    }),
  );
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : null;
  } catch {
    return null;
  }
}

interface RaisedBody {
  readonly code: string;
  readonly message: string;
  readonly details?: string | null;
  readonly hint?: string | null;
}

function isBody(value: Record<string, unknown>): value is Record<string, unknown> & RaisedBody {
  const isText = (key: string) => typeof value[key] === "string";
  const isOptional = (key: string) => isText(key) || (value[key] ?? null) === null;
  return isText("code") && isText("message") && isOptional("details") && isOptional("hint");
}

interface RaisedAnswer {
  readonly status: number;
  readonly headers: Record<string, string>;
}

function isAnswer(value: Record<string, unknown>): value is Record<string, unknown> & RaisedAnswer {
  const { status, headers } = value;
  return typeof status === "number" && isStatus(status) && isHeaders(headers);
}

function isStatus(status: number): boolean {
  return Number.isInteger(status) && status >= 200 && status <= 599;
}

/** Names and values that can be sent. */
function isHeaders(value: unknown): value is Record<string, string> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  if (!Object.values(value).every((v) => typeof v === "string")) return false;
  try {
    const headers = new Headers();
    for (const [name, text] of Object.entries(value)) headers.set(name, headerText(String(text)));
    return true;
  } catch {
    return false;
  }
}
