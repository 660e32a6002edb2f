/**
 * Reads section schemas as a flat list of settings: one field per leaf (anything that is not a
 * table with named keys), and the sentence that says what a field accepts.
 */
import type { TObject, TSchema } from "@sinclair/typebox";
import { OptionalKind } from "@sinclair/typebox";

/** One setting. */
export interface Field {
  /** `server.cors.origins`. */
  readonly key: string;
  /** `["server", "cors", "origins"]`. */
  readonly path: readonly string[];
  readonly schema: TSchema;
  readonly description: string;
  /** Undefined when there is none. */
  readonly fallback: unknown;
  /** Masked wherever it is shown; `{ secret: true }` in the schema. */
  readonly secret: boolean;
  /** May name a place in the vault, `vault:path`; `{ vault: true }` in the schema. */
  readonly inVault: boolean;
  readonly required: boolean;
}

/** The schema as a table of named keys, or null when it is a leaf. */
export function asTable(schema: TSchema): TObject | null {
  return schema["type"] === "object" && typeof schema["properties"] === "object"
    ? (schema as TObject)
    : null;
}

/**
 * Names that a section knows and does not take, each with what to use instead: `{ refused: { … } }`
 * in the schema. For those who bring another program's settings.
 */
export function refusedBy(schema: TSchema): Readonly<Record<string, string>> {
  return (schema["refused"] ?? {}) as Record<string, string>;
}

/** All leaves of one section, in schema order. */
export function fieldsOf(section: string, schema: TObject): Field[] {
  return collect([section], schema, true);
}

function collect(path: readonly string[], schema: TObject, required: boolean): Field[] {
  return Object.entries(schema.properties).flatMap(([name, child]) => {
    const here = [...path, name];
    const needed = required && child[OptionalKind] !== "Optional";
    const table = asTable(child);
    if (table) return collect(here, table, needed);
    return [
      {
        key: here.join("."),
        path: here,
        schema: child,
        description: child.description ?? "",
        fallback: child["default"],
        secret: child["secret"] === true,
        inVault: child["vault"] === true,
        required: needed && child["default"] === undefined,
      },
    ];
  });
}

/** What a setting accepts, as the end of a sentence: `an integer from 0 to 65535`. */
export function expectation(schema: TSchema): string {
  const options = schema["anyOf"] as TSchema[] | undefined;
  if (options) return [...new Set(options.map(expectation))].join(" or ");
  if ("const" in schema) return JSON.stringify(schema["const"]);
  if (Array.isArray(schema["enum"]))
    return schema["enum"].map((v) => JSON.stringify(v)).join(" or ");
  switch (schema["type"]) {
    case "integer":
      return `an integer${bounds(schema, "minimum", "maximum")}`;
    case "number":
      return `a number${bounds(schema, "minimum", "maximum")}`;
    case "boolean":
      return "true or false";
    case "string":
      return stringExpectation(schema);
    case "array":
      return `a list${bounds(schema, "minItems", "maxItems", " items")}, each ${expectation(schema["items"] as TSchema)}`;
    case "object":
      return "a table";
    default:
      return "another kind of value";
  }
}

function stringExpectation(schema: TSchema): string {
  const size = bounds(schema, "minLength", "maxLength", " characters");
  const form = typeof schema["pattern"] === "string" ? ` that matches ${schema["pattern"]}` : "";
  const format =
    typeof schema["format"] === "string" ? ` in the form of a ${schema["format"]}` : "";
  return `a string${size}${form}${format}`;
}

function bounds(schema: TSchema, low: string, high: string, unit = ""): string {
  const min = schema[low] as number | undefined;
  const max = schema[high] as number | undefined;
  if (min !== undefined && max !== undefined) return ` from ${min} to ${max}${unit}`;
  if (min !== undefined) return ` of at least ${min}${unit}`;
  return max === undefined ? "" : ` of at most ${max}${unit}`;
}
