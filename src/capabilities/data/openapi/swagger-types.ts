/** PostgreSQL's types as OpenAPI 2.0 has them; what has no match is a string, JSON is anything. */
import type { Json, JsonObject } from "./describing.ts";

const TYPES: Readonly<Record<string, string | null>> = {
  boolean: "boolean",
  smallint: "integer",
  integer: "integer",
  bigint: "integer",
  numeric: "number",
  real: "number",
  "double precision": "number",
  json: null,
  jsonb: null,
};

/** Null = anything. @param type as `format_type` prints it, without a length. */
export function swaggerType(type: string): string | null {
  if (Object.hasOwn(TYPES, type)) return TYPES[type] ?? null;
  return type.endsWith("[]") ? "array" : "string";
}

/** The type under one `[]`. */
export function elementType(type: string): string {
  return type.slice(0, -"[]".length);
}

/** `type`, `format` and `items` of a property. */
export function typeOf(type: string): JsonObject {
  const kind = swaggerType(type);
  const element = kind === "array" ? swaggerType(elementType(type)) : null;
  return {
    format: type,
    ...(kind === null ? {} : { type: kind }),
    ...(kind === "array" ? { items: element === null ? {} : { type: element } } : {}),
  };
}

/** A default that is a constant; undefined for an expression. */
export function constantDefault(type: string, sql: string | null): Json | undefined {
  if (sql === null) return undefined;
  const text = swaggerType(type) === "string" ? `"${textConstant(type, sql)}"` : sql;
  try {
    return JSON.parse(text) as Json;
  } catch {
    // An expression, or a text with characters that JSON would escape: neither is told.
    return undefined;
  }
}

function textConstant(type: string, sql: string): string {
  const cast = `::${type}`;
  return sql.endsWith(cast) ? sql.slice(0, -cast.length).replace(/^'+|'+$/g, "") : sql;
}
