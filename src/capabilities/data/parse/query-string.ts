/**
 * First pass over the query string: splits it, moves every value to `values` and leaves a *skeleton*
 * in which only structure remains. The skeleton is the key of the SQL cache, so it must be
 * injective: names stay as sent (an undecoded name holds neither `&` nor `=`), operations come from
 * a closed vocabulary, logic trees stand as JSON of their slots.
 *
 * The second pass, `parse-query.ts`, runs only when no SQL is cached for the skeleton.
 */
import { errors } from "../errors.ts";
import { parseLogic } from "./logic.ts";
import { looksLikeFilter, parseOperation, type ValueSink } from "./operation.ts";
import type { Condition, Operation, Slot } from "./tree.ts";

export interface Limits {
  readonly maxFilters: number;
  readonly maxListSize: number;
  /** Rows per level, or null for no bound. */
  readonly maxRows: number | null;
}

export interface RawFilter {
  readonly key: string;
  readonly negated: boolean;
  readonly operation: Operation;
}

export interface RawLogic {
  readonly key: string;
  readonly children: readonly Condition[];
}

/** A value that was moved out, under its key as decoded. */
export interface RawBound {
  readonly key: string;
  readonly slot: Slot;
}

export interface RawQuery {
  skeleton: string;
  readonly values: string[];
  select: string | null;
  columns: string | null;
  onConflict: string | null;
  readonly filters: RawFilter[];
  readonly logics: RawLogic[];
  readonly orders: { readonly key: string; readonly text: string }[];
  /** Limits and offsets of embedded levels. */
  readonly limits: RawBound[];
  readonly offsets: RawBound[];
  /** `limit=` of the root as sent; null when absent or not a number. */
  rootLimit: number | null;
  rootOffset: number | null;
  /** Parameters without an operator, for functions. */
  readonly params: [name: string, value: string][];
}

type Mode = "filters" | "params";

/**
 * @param search the query string without `?`.
 * @param mode `params` leaves values without an operator as function parameters instead of failing.
 */
export function readQueryString(search: string, limits: Limits, mode: Mode = "filters"): RawQuery {
  const raw = emptyQuery();
  if (search === "") return raw;
  const sink: ValueSink = { values: raw.values, maxListSize: limits.maxListSize };
  let start = 0;
  while (start <= search.length) {
    let end = search.indexOf("&", start);
    if (end < 0) end = search.length;
    if (end > start) readPair(raw, sink, search.slice(start, end), limits, mode);
    start = end + 1;
  }
  if (raw.filters.length + raw.logics.length > limits.maxFilters) {
    throw errors.too_many_filters(limits.maxFilters);
  }
  return raw;
}

function emptyQuery(): RawQuery {
  return {
    skeleton: "",
    values: [],
    select: null,
    columns: null,
    onConflict: null,
    filters: [],
    logics: [],
    orders: [],
    limits: [],
    offsets: [],
    rootLimit: null,
    rootOffset: null,
    params: [],
  };
}

function readPair(raw: RawQuery, sink: ValueSink, pair: string, limits: Limits, mode: Mode): void {
  const equals = pair.indexOf("=");
  // A name alone says nothing.
  if (equals < 0) return;
  const rawKey = pair.slice(0, equals);
  const rawValue = pair.slice(equals + 1);
  const key = decodePart(rawKey);
  if (Object.hasOwn(TEXTS, key)) {
    keepText(raw, TEXTS[key] ?? "select", rawKey, rawValue);
    return;
  }
  const last = key.slice(key.lastIndexOf(".") + 1);
  if (last === "order") {
    raw.orders.push({ key, text: decodePart(rawValue) });
    raw.skeleton += `${rawKey}=${rawValue}&`;
  } else if (last === "limit" || last === "offset") {
    readBound(raw, key, last, rawKey, decodePart(rawValue), limits);
  } else if (last === "and" || last === "or") {
    readLogic(raw, sink, key, rawKey, decodePart(rawValue));
  } else {
    readFilter(raw, sink, key, rawKey, decodePart(rawValue), mode);
  }
}

/** Parameters that are structure as a whole. */
const TEXTS: Readonly<Record<string, "select" | "columns" | "onConflict">> = {
  select: "select",
  columns: "columns",
  on_conflict: "onConflict",
};

function keepText(
  raw: RawQuery,
  member: "select" | "columns" | "onConflict",
  rawKey: string,
  rawValue: string,
): void {
  raw[member] ??= decodePart(rawValue);
  raw.skeleton += `${rawKey}=${rawValue}&`;
}

const INTEGER = /^-?\d{1,18}$/;

/** What is not a number is ignored, as PostgREST does. */
function readBound(
  raw: RawQuery,
  key: string,
  kind: "limit" | "offset",
  rawKey: string,
  text: string,
  limits: Limits,
): void {
  if (!INTEGER.test(text)) return;
  const value = Number(text);
  if (kind === "limit" && value < 0) {
    throw errors.PGRST103("Limit should be greater than or equal to zero.");
  }
  if (key === "limit") raw.rootLimit = value;
  else if (key === "offset") raw.rootOffset = value;
  else {
    const bound =
      kind === "limit" && limits.maxRows !== null ? Math.min(value, limits.maxRows) : value;
    const slot = raw.values.push(String(bound)) - 1;
    (kind === "limit" ? raw.limits : raw.offsets).push({ key, slot });
    raw.skeleton += `${rawKey}=&`;
  }
}

function readLogic(
  raw: RawQuery,
  sink: ValueSink,
  key: string,
  rawKey: string,
  text: string,
): void {
  const names = key.split(".");
  const children = parseLogic(text, `${names.includes("not") ? "not." : ""}${names.at(-1)}`, sink);
  raw.logics.push({ key, children });
  raw.skeleton += `${rawKey}=${JSON.stringify(children)}&`;
}

function readFilter(
  raw: RawQuery,
  sink: ValueSink,
  key: string,
  rawKey: string,
  text: string,
  mode: Mode,
): void {
  if (mode === "params" && !key.includes(".") && !looksLikeFilter(text)) {
    raw.params.push([key, text]);
    return;
  }
  const { negated, operation } = parseOperation(text, sink);
  raw.filters.push({ key, negated, operation });
  raw.skeleton += `${rawKey}=${negated ? "not." : ""}${operationKey(operation)}&`;
}

/** The structure of an operation, without its value. */
function operationKey(operation: Operation): string {
  switch (operation.kind) {
    case "compare":
      return operation.quantifier === null
        ? operation.op
        : `${operation.op}(${operation.quantifier})`;
    case "in":
      return "in";
    case "is":
      return `is.${operation.value}`;
    case "fts":
      return operation.language === null ? operation.op : `${operation.op}(${operation.language})`;
  }
}

/** Percent-decoding with `+` as space; what is no UTF-8 is a parse error. */
export function decodePart(text: string): string {
  const spaced = text.includes("+") ? text.replaceAll("+", " ") : text;
  if (!spaced.includes("%")) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    throw errors.PGRST100(
      "failed to parse the query string",
      1,
      "unexpected percent-encoding that is not UTF-8",
    );
  }
}
