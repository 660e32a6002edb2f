/**
 * The body of a write: read within `max_body_bytes`, turned into JSON where it comes as a form or as
 * CSV, and inspected for the columns it names. JSON is passed on as the bytes that came, so numbers
 * keep every digit.
 */
import { coreErrors } from "../../core/errors.ts";
import type { BodyShape } from "./compile/compile-write.ts";
import { errors } from "./errors.ts";
import { parseCsv } from "./parse/csv.ts";
import type { Column, Table } from "./schema/schema.ts";

export interface Payload {
  readonly bytes: Uint8Array;
  /** Keys of its objects; null = not inspected, because `columns=` names them. */
  readonly keys: readonly string[] | null;
  readonly isArray: boolean;
  /** An empty array, or a value that holds no objects. */
  readonly isEmpty: boolean;
}

const NO_ARGUMENTS: Payload = {
  bytes: new TextEncoder().encode("{}"),
  keys: [],
  isArray: false,
  isEmpty: false,
};
const EMPTY: Payload = {
  bytes: new TextEncoder().encode("[]"),
  keys: [],
  isArray: true,
  isEmpty: true,
};

/**
 * What the body is for: rows to inspect, rows whose keys `columns=` names, or the arguments of a
 * call, where no body at all means none.
 */
export type PayloadUse = "rows" | "rows with columns" | "arguments";

export async function readPayload(
  request: Request,
  maxBytes: number,
  use: PayloadUse,
): Promise<Payload> {
  const bytes = await readBytes(request, maxBytes);
  if (use === "arguments" && bytes.byteLength === 0) return NO_ARGUMENTS;
  const type = (request.headers.get("content-type") ?? "application/json")
    .split(";")[0]
    ?.trim()
    .toLowerCase();
  switch (type) {
    case "application/json":
    case "application/vnd.pgrst.object+json":
    case "application/vnd.pgrst.array+json":
      if (use === "rows with columns") return peekJson(bytes);
      return use === "rows" ? inspect(parseJson(bytes), bytes) : argumentsIn(bytes);
    case "application/x-www-form-urlencoded":
      return fromValue(Object.fromEntries(new URLSearchParams(decodeText(bytes))));
    case "text/csv":
      return fromValue(parseCsv(decodeText(bytes)));
    default:
      throw errors.PGRST102(`Content-Type not acceptable: ${type}`);
  }
}

/** Only an object names arguments; any other JSON can only be taken whole. */
function argumentsIn(bytes: Uint8Array): Payload {
  const value = parseJson(bytes);
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return { bytes, keys: isObject ? Object.keys(value) : [], isArray: false, isEmpty: false };
}

async function readBytes(request: Request, maxBytes: number): Promise<Uint8Array> {
  const declared = request.headers.get("content-length");
  if (declared !== null && Number(declared) > maxBytes)
    throw coreErrors.payload_too_large(maxBytes);
  if (request.body === null) return new Uint8Array();
  if (declared !== null) return new Uint8Array(await request.arrayBuffer());
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body) {
    size += chunk.byteLength;
    if (size > maxBytes) throw coreErrors.payload_too_large(maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw errors.PGRST102("Empty or invalid json");
  }
}

/** With `columns=` Postgres does all the reading; only array or object must be known. */
function peekJson(bytes: Uint8Array): Payload {
  const first = bytes.find((b) => b !== 0x20 && b !== 0x0a && b !== 0x0d && b !== 0x09);
  if (first === undefined) throw errors.PGRST102("Empty or invalid json");
  return { bytes, keys: null, isArray: first === 0x5b, isEmpty: false };
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
  return inspect(value, new TextEncoder().encode(JSON.stringify(value)));
}

/** Objects of one list must have the same keys; whatever holds no objects is an empty list. */
function inspect(value: unknown, bytes: Uint8Array): Payload {
  if (!Array.isArray(value)) {
    if (typeof value !== "object" || value === null) return EMPTY;
    return { bytes, keys: Object.keys(value), isArray: false, isEmpty: false };
  }
  if (value.length === 0) return EMPTY;
  const keys = keysOf(value[0]);
  const known = new Set(keys);
  for (const item of value) {
    const own = keysOf(item);
    if (own.length !== keys.length || !own.every((key) => known.has(key))) {
      throw errors.PGRST102("All object keys must match");
    }
  }
  return { bytes, keys, isArray: true, isEmpty: false };
}

function keysOf(value: unknown): string[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw errors.PGRST102("All object keys must match");
  }
  return Object.keys(value);
}

/** The payload against the table. An unknown column is PGRST204. */
export function shapeBody(
  payload: Payload,
  table: Table,
  columnsParameter: readonly string[] | null,
): BodyShape {
  const names = columnsParameter ?? payload.keys ?? [];
  const columns = names.map((name): Column => {
    const column = table.columns.get(name);
    if (!column) throw errors.PGRST204(table.name, name);
    return column;
  });
  return { isArray: payload.isArray, columns, isEmpty: payload.isEmpty };
}
