/**
 * The outermost SELECT that every request runs: one row that holds the finished body and what the
 * answer's headers need, so that one statement does everything.
 */
import type { Media } from "../parse/media.ts";
import { quoteLiteral } from "./quote.ts";

/** Column positions of that row. */
export const RESULT = {
  pageTotal: 0,
  body: 1,
  headers: 2,
  status: 3,
  total: 4,
  location: 5,
  inserted: 6,
} as const;

export interface ResultParts {
  /** SELECT that gives the rows. */
  readonly rows: string;
  /** SQL of the total count, or null. */
  readonly total?: string | null;
  /** SQL of a JSON array of the key's values as texts, or null. */
  readonly location?: string | null;
  /** SQL of the count of rows that an upsert inserted, or null. */
  readonly inserted?: string | null;
  /** SQL of the body. */
  readonly body: string;
}

/** Alias of the rows inside the wrapper. */
export const ROWS = "_postgrest_t";

export function wrapResult(parts: ResultParts): string {
  const columns = [
    "pg_catalog.count(*)",
    parts.body,
    "nullif(pg_catalog.current_setting('response.headers', true), '')",
    "nullif(pg_catalog.current_setting('response.status', true), '')",
    parts.total ?? "null",
    parts.location ?? "null",
    parts.inserted ?? "null",
  ];
  return `select ${columns.join(", ")} from (${parts.rows}) as ${ROWS}`;
}

/** Body of nothing: HEAD and `return=minimal`. */
export const NO_BODY = "null";

/**
 * @param csvColumns output columns in order, for the head line of a CSV.
 * @param mustBeOne a mutation whose answer must be one row: any other number fails the statement, so
 * that nothing is kept (see `guard`).
 */
export function bodySql(media: Media, csvColumns: readonly string[], mustBeOne: boolean): string {
  if (media === "csv") return csvBody(csvColumns);
  if (media === "array") return `coalesce(pg_catalog.json_agg(${ROWS}), '[]')`;
  const row = `pg_catalog.json_agg(${ROWS})->0`;
  return mustBeOne ? guard("PGRST116", "pg_catalog.count(*) = 1", row, "json") : row;
}

function csvBody(columns: readonly string[]): string {
  const head = quoteLiteral(columns.map(csvName).join(","));
  const line = `pg_catalog.substring(${ROWS}::text, 2, pg_catalog.length(${ROWS}::text) - 2)`;
  return `${head} || E'\\n' || coalesce(pg_catalog.string_agg(${line}, E'\\n'), '')`;
}

function csvName(name: string): string {
  return /[",\r\n]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name;
}

/**
 * `value` where `condition` holds; otherwise an error that carries the code and the row count, which
 * undoes the whole statement. Plain SQL has no RAISE, so it is a cast that cannot succeed; the count
 * keeps the planner from evaluating it early. `sqlstate.ts` reads the code back.
 */
export function guard(
  code: string,
  condition: string,
  value: string,
  type: "json" | "text",
): string {
  const failing = `((${quoteLiteral(`${code}:`)} || pg_catalog.count(*))::int4)::text`;
  return `case when ${condition} then (${value})::${type} else ${failing}::${type} end`;
}
