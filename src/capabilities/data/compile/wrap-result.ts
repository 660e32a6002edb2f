/**
 * The outermost SELECT that every request runs: one row that holds the finished body and what the
 * answer's headers need, so that one statement does everything.
 */
import type { BodyForm, Media } from "../negotiate-media.ts";
import type { PlanRequest } from "../parse/media.ts";
import type { MediaHandler } from "../schema/schema.ts";
import { quoteLiteral, quoteTable } from "./quote.ts";

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
  /**
   * Every column of the rows is evaluated, though nothing shows it: a function that is not volatile
   * would otherwise not be called.
   */
  readonly isEvaluated?: boolean;
  /** Something may have chosen headers or the status of the answer. */
  readonly mayChoose: boolean;
}

/** Alias of the rows inside the wrapper. */
export const ROWS = "_postgrest_t";

export function wrapResult(parts: ResultParts): string {
  const columns = [
    `pg_catalog.count(${parts.isEvaluated ? ROWS : "*"})`,
    parts.body,
    ...(parts.mayChoose ? CHOSEN : NONE_CHOSEN),
    parts.total ?? "null",
    parts.location ?? "null",
    parts.inserted ?? "null",
  ];
  return `select ${listed(columns)} from (${parts.rows}) as ${ROWS}`;
}

/** What functions chose for the answer, once the rows were made: NULL or an empty text is nothing. */
const CHOSEN = [
  "pg_catalog.current_setting('response.headers', true)",
  "pg_catalog.current_setting('response.status', true)",
];
const NONE_CHOSEN = ["null", "null"];

/** Without what nobody reads at the end: each column costs, in Postgres and here. */
function listed(columns: readonly string[]): string {
  return columns.slice(0, columns.findLastIndex((column) => column !== "null") + 1).join(", ");
}

/**
 * The body of at most one row, NULL without any; null for a form that needs to see all rows. To make a
 * list of one by an aggregate costs Postgres a sixth of such a query.
 */
export function oneRowSql({ form }: Media, rows: string): string | null {
  if (form.kind !== "array" && form.kind !== "object") return null;
  const made = form.kind === "array" ? "json_build_array" : "row_to_json";
  const json = `pg_catalog.${made}(${ROWS})`;
  const shown = form.stripped ? `pg_catalog.json_strip_nulls(${json})` : json;
  return `(select ${shown} from (${rows}) as ${ROWS})`;
}

/** The same columns as `wrapResult`'s, but that the rows are not counted. */
export function wrapOne(body: string, total: string | null, mayChoose: boolean): string {
  const chosen = mayChoose ? CHOSEN : NONE_CHOSEN;
  return `select ${listed(["null", body, ...chosen, total ?? "null"])}`;
}

/** The statement itself, or the one that explains it (whose answer is the plan's lines). */
export function explained(sql: string, plan: PlanRequest | null): string {
  if (plan === null) return sql;
  return `explain (${[`format ${plan.format}`, ...plan.options].join(", ")}) ${sql}`;
}

/** Body of nothing: HEAD and `return=minimal`. */
export const NO_BODY = "null";

export interface BodyOptions {
  readonly media: Media;
  /** Output columns in order, for the head line of a CSV; null = only the rows tell. */
  readonly csvColumns: readonly string[] | null;
  /** The one column that holds the values of a function that returns no rows; default: whole rows. */
  readonly scalar?: string | null;
  /** One value at most, not a set: JSON without the array. */
  readonly isOne?: boolean;
}

export function bodySql({ media, csvColumns, scalar, isOne }: BodyOptions): string {
  const { form } = media;
  const value = scalar ? `${ROWS}.${scalar}` : ROWS;
  switch (form.kind) {
    case "array":
    case "object":
      return jsonBody(form, value, isOne === true || form.kind === "object");
    case "csv":
      return csvBody(csvColumns);
    case "geojson":
      return `pg_catalog.json_build_object('type', 'FeatureCollection', 'features', coalesce(pg_catalog.json_agg(st_asgeojson(${ROWS})::json), '[]'))`;
    case "aggregate":
      return aggregateBody(form.handler, value, scalar ? null : form.handler.target);
    case "value":
      return rawBody(`(pg_catalog.array_agg(${value}))[1]`, form.isBinary);
  }
}

type JsonForm = Extract<BodyForm, { kind: "array" | "object" }>;

function jsonBody({ stripped }: JsonForm, value: string, isOne: boolean): string {
  const all = `pg_catalog.json_agg(${value})${isOne ? "->0" : ""}`;
  const shown = stripped ? `pg_catalog.json_strip_nulls(${all})` : all;
  return `coalesce(${shown}, '${isOne ? "null" : "[]"}')`;
}

/** A handler of a relation takes its rows, so those of the wrapper become them again. */
function aggregateBody(
  handler: MediaHandler,
  value: string,
  target: MediaHandler["target"],
): string {
  const rows = target === null ? value : `${value}::${quoteTable(target)}`;
  return rawBody(`${quoteTable(handler)}(${rows})`, handler.isBinary);
}

/** Bytes travel as hexadecimal digits: results are text on the wire (see `rawBytes`). */
function rawBody(value: string, isBinary: boolean): string {
  return isBinary ? `pg_catalog.encode(${value}, 'hex')` : `(${value})::text`;
}

/** Whether the body column of this form holds hexadecimal digits of the answer's bytes. */
export function isHex({ form }: Media): boolean {
  if (form.kind === "value") return form.isBinary;
  return form.kind === "aggregate" && form.handler.isBinary;
}

function csvBody(columns: readonly string[] | null): string {
  const head = columns === null ? keysOfFirst() : quoteLiteral(columns.map(csvName).join(","));
  const line = `pg_catalog.substring(${ROWS}::text, 2, pg_catalog.length(${ROWS}::text) - 2)`;
  // Where there is no row, nothing names the columns either.
  const shown = `case when pg_catalog.count(*) = 0 then '' else ${head} end`;
  return `${shown} || E'\\n' || coalesce(pg_catalog.string_agg(${line}, E'\\n'), '')`;
}

function keysOfFirst(): string {
  const keys = `pg_catalog.json_object_keys(pg_catalog.json_agg(${ROWS})->0)`;
  return `(select coalesce(pg_catalog.string_agg(_key, ','), '') from ${keys} as _key)`;
}

function csvName(name: string): string {
  return /[",\r\n]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name;
}

/**
 * `value` where `condition` holds; otherwise an error that carries the code and the row count, which
 * undoes the whole statement. Plain SQL has no RAISE, so it asks for a setting that cannot exist,
 * which no value of a request does; the count keeps the planner from evaluating it early.
 * `sqlstate.ts` reads the code back.
 */
export function guard(
  code: "PGRST115" | "PGRST116" | "PGRST124",
  condition: string,
  value: string,
) {
  const name = `${quoteLiteral(`${code}:`)} || pg_catalog.count(*)`;
  return `case when ${condition} then (${value})::text else pg_catalog.current_setting(${name}) end`;
}
