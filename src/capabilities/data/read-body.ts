/**
 * The body of a write or a call: read within `max_body_bytes`, turned into JSON where it comes as
 * CSV or as a form for a table, and inspected for the names it holds. JSON is passed on as the bytes
 * that came, so numbers keep every digit.
 */
import { readBody } from "../../core/body.ts";
import type { BodyShape } from "./compile/compile-body.ts";
import { errors } from "./errors.ts";
import type { WholeBody } from "./find-function.ts";
import { parseCsv } from "./parse/csv.ts";
import { parseMediaType } from "./parse/media.ts";
import type { Column, Table } from "./schema/schema.ts";

export interface Payload {
  /** As it goes to Postgres. */
  readonly bytes: Uint8Array;
  /** Keys of its objects; null = not inspected, because `columns=` names them. */
  readonly keys: readonly string[] | null;
  readonly isArray: boolean;
  /** Arguments of a form, in order: a name may come more than once. Null = the body is JSON or raw. */
  readonly pairs: readonly (readonly [name: string, value: string])[] | null;
  /** What a single unnamed parameter may take; null for forms, CSV and tables. */
  readonly whole: WholeBody | null;
  /** False: an array of other things than objects with the same keys, which only `whole` can take. */
  readonly isUniform: boolean;
}

/** What the body is for. `columns`: `columns=` names the keys, so nobody looks for them. */
export interface PayloadUse {
  readonly of: "rows" | "arguments";
  readonly hasColumns: boolean;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });
const NO_NAMES = { keys: [], isArray: false, pairs: null, whole: null, isUniform: true } as const;
/** Whatever holds no objects is a list of none. */
const EMPTY: Payload = { ...NO_NAMES, bytes: encoder.encode("[]"), isArray: true };
const RAW: Readonly<Record<string, WholeBody>> = {
  "text/plain": "text",
  "text/xml": "xml",
  "application/octet-stream": "bytea",
};

export async function readPayload(
  request: Request,
  maxBytes: number,
  use: PayloadUse,
): Promise<Payload> {
  const bytes = await readBody(request, maxBytes);
  const type = parseMediaType(request.headers.get("content-type") ?? "application/json");
  const isCall = use.of === "arguments";
  switch (type.key) {
    case "application/json":
      return isCall ? argumentsIn(bytes, use) : rowsIn(bytes, use);
    case "application/x-www-form-urlencoded":
      return isCall ? formArguments(bytes) : fromValue(Object.fromEntries(formPairs(bytes)));
    case "text/csv":
      return fromValue(parseCsv(decodeText(bytes)));
    default: {
      const whole = isCall && Object.hasOwn(RAW, type.key) ? RAW[type.key] : undefined;
      if (whole === undefined) throw errors.PGRST102(`Content-Type not acceptable: ${type.name}`);
      return { ...NO_NAMES, bytes, whole };
    }
  }
}

function rowsIn(bytes: Uint8Array, { hasColumns }: PayloadUse): Payload {
  return hasColumns ? peekJson(bytes) : asRows(parseJson(bytes), bytes);
}

/** No body at all is no arguments. Of an array the objects must be alike, as for a table. */
function argumentsIn(bytes: Uint8Array, { hasColumns }: PayloadUse): Payload {
  if (bytes.byteLength === 0) {
    return { ...NO_NAMES, bytes: encoder.encode("{}"), whole: "json" };
  }
  if (hasColumns) return { ...peekJson(bytes), whole: "json" };
  const value = parseJson(bytes);
  const keys = keysIn(value);
  return {
    ...{ bytes, keys: keys ?? [], isArray: Array.isArray(value), pairs: null, whole: "json" },
    isUniform: keys !== null,
  };
}

function formArguments(bytes: Uint8Array): Payload {
  const pairs = formPairs(bytes);
  return { ...NO_NAMES, bytes, keys: [...new Set(pairs.map(([name]) => name))], pairs };
}

function formPairs(bytes: Uint8Array): [string, string][] {
  return [...new URLSearchParams(decodeText(bytes))];
}

function decodeText(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw errors.PGRST102("Empty or invalid json");
  }
}

/** With `columns=` Postgres does all the reading; only array or object must be known. */
function peekJson(bytes: Uint8Array): Payload {
  const first = bytes.find((b) => b !== 0x20 && b !== 0x0a && b !== 0x0d && b !== 0x09);
  if (first === undefined) throw errors.PGRST102("Empty or invalid json");
  return { ...NO_NAMES, bytes, keys: null, isArray: first === 0x5b };
}

function parseJson(bytes: Uint8Array): unknown {
  const text = decodeText(bytes);
  try {
    return JSON.parse(text);
  } catch {
    throw errors.PGRST102("Empty or invalid json");
  }
}

function fromValue(value: unknown): Payload {
  return asRows(value, encoder.encode(JSON.stringify(value)));
}

/** Objects of one list must have the same keys. */
function asRows(value: unknown, bytes: Uint8Array): Payload {
  const keys = keysIn(value);
  if (keys === null) throw errors.PGRST102("All object keys must match");
  if (keys.length === 0 && !holdsObjects(value)) return EMPTY;
  return { ...NO_NAMES, bytes, keys, isArray: Array.isArray(value) };
}

function holdsObjects(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : typeof value === "object" && value !== null;
}

/** The keys of an object, or those that all objects of a list share; null when they do not. */
function keysIn(value: unknown): string[] | null {
  if (!Array.isArray(value)) return ownKeys(value) ?? [];
  if (value.length === 0) return [];
  const keys = ownKeys(value[0]);
  if (keys === null) return null;
  const known = new Set(keys);
  const isAlike = (item: unknown) => {
    const own = ownKeys(item);
    return own !== null && own.length === keys.length && own.every((key) => known.has(key));
  };
  return value.every(isAlike) ? keys : null;
}

function ownKeys(value: unknown): string[] | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  return Object.keys(value);
}

/**
 * The payload against the table. An unknown column is PGRST204. Columns come in alphabetical order,
 * so that the same keys in another order are the same shape.
 */
export function shapeBody(
  payload: Payload,
  table: Table,
  columnsParameter: readonly string[] | null,
): BodyShape {
  const names = (columnsParameter ?? payload.keys ?? []).toSorted();
  const columns = names.map((name): Column => {
    const column = table.columns.get(name);
    if (!column) throw errors.PGRST204(table.name, name);
    return column;
  });
  return { isArray: payload.isArray, columns };
}
