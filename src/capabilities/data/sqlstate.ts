/**
 * Errors of Postgres as answers: the SQLSTATE is the code, the status follows PostgREST's table
 * (docs.postgrest.org, "Errors / HTTP Status Codes"), but for class 54: a body nested too deeply or
 * too many columns asked for are the client's doing, so 400 and not 500.
 */
import { ReactorError } from "../../core/errors.ts";
import { PgError } from "../../postgres/wire/pg-error.ts";
import { errors } from "./errors.ts";

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

export function mayBeStale(error: unknown): boolean {
  return error instanceof PgError && STALE.has(error.code);
}

/** @param isAnonymous the caller had no credential: what is forbidden to them asks for one. */
export function fromPgError(error: PgError, isAnonymous: boolean): ReactorError {
  const guarded = /"(PGRST1\d\d):(\d+)"/.exec(error.message);
  if (error.code === "22P02" && guarded) {
    const rows = guarded[2] ?? "0";
    return guarded[1] === "PGRST116" ? errors.PGRST116(rows) : errors.PGRST124(rows);
  }
  if (error.code === "PGRST") return fromRaised(error);
  const status = statusOf(error, isAnonymous);
  return new ReactorError({
    status,
    code: error.code,
    message: error.message,
    details: error.detail,
    hint: error.hint,
    headers: status === 401 ? { "WWW-Authenticate": "Bearer" } : {},
    cause: error,
  });
}

function statusOf(error: PgError, isAnonymous: boolean): number {
  const { code, message } = error;
  if (code === "42501") return isAnonymous ? 401 : 403;
  if (code === "21000" && message.endsWith("requires a WHERE clause")) return 400;
  if (code === "22023" && /^role .* does not exist$/.test(message)) return 401;
  const chosen = /^PT([2-5]\d\d)$/.exec(code);
  if (chosen) return Number(chosen[1]);
  return EXACT[code] ?? BY_CLASS[code.slice(0, 2)] ?? (code.startsWith("PT") ? 500 : 400);
}

/**
 * `raise sqlstate 'PGRST' using message = '{"code":…}', detail = '{"status":…,"headers":{}}'`: the
 * function writes the whole answer (docs.postgrest.org, "Errors / RAISE errors with HTTP…").
 */
function fromRaised(error: PgError): ReactorError {
  const body = parseObject(error.message);
  if (!body || typeof body["code"] !== "string" || typeof body["message"] !== "string") {
    return unreadable(
      error,
      `Invalid JSON value for MESSAGE: '${error.message}'`,
      "MESSAGE must be a JSON object with obligatory keys: 'code', 'message' and optional keys: 'details', 'hint'.",
    );
  }
  const answer = error.detail === null ? null : parseObject(error.detail);
  const status = answer?.["status"];
  if (!answer || typeof status !== "number" || !isStatus(status) || !isHeaders(answer["headers"])) {
    return unreadable(
      error,
      error.detail === null
        ? "DETAIL is missing in the RAISE statement"
        : `Invalid JSON value for DETAIL: '${error.detail}'`,
      "DETAIL must be a JSON object with obligatory keys: 'status', 'headers' and optional key: 'status_text'.",
    );
  }
  return new ReactorError({
    status,
    code: body["code"],
    message: body["message"],
    details: textOrNull(body["details"]),
    hint: textOrNull(body["hint"]),
    headers: answer["headers"],
    cause: error,
  });
}

function unreadable(error: PgError, details: string, hint: string): ReactorError {
  return new ReactorError({
    status: 500,
    code: "PGRST121",
    message: "Could not parse JSON in the \"RAISE SQLSTATE 'PGRST'\" error",
    details,
    hint,
    cause: error,
  });
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : null;
  } catch {
    return null;
  }
}

function isStatus(status: number): boolean {
  return Number.isInteger(status) && status >= 200 && status <= 599;
}

function isHeaders(value: unknown): value is Record<string, string> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((v) => typeof v === "string");
}

function textOrNull(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
