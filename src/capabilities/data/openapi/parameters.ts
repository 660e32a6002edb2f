/** Parameters that paths refer to: those of every table, and each table's filters and body. */
import type { Table } from "../schema/schema.ts";
import type { JsonObject } from "./describing.ts";
import { reference } from "./references.ts";

function prefer(values: readonly string[]): JsonObject {
  return {
    name: "Prefer",
    description: "Preference",
    required: false,
    in: "header",
    type: "string",
    ...(values.length === 0 ? {} : { enum: values }),
  };
}

function text(name: string, description: string, place: "query" | "header" = "query"): JsonObject {
  return { name, description, required: false, in: place, type: "string" };
}

const RETURN = ["return=representation", "return=minimal", "return=none"];
const RESOLUTION = ["resolution=ignore-duplicates", "resolution=merge-duplicates"];

export const sharedParameters: JsonObject = {
  preferParams: prefer([]),
  preferReturn: prefer(RETURN),
  preferCount: prefer(["count=none"]),
  preferPost: prefer([...RETURN, ...RESOLUTION]),
  select: text("select", "Filtering Columns"),
  on_conflict: text("on_conflict", "On Conflict"),
  order: text("order", "Ordering"),
  range: text("Range", "Limiting and Pagination", "header"),
  rangeUnit: { ...text("Range-Unit", "Limiting and Pagination", "header"), default: "items" },
  offset: text("offset", "Limiting and Pagination"),
  limit: text("limit", "Limiting and Pagination"),
};

export function bodyName(table: Table): string {
  return `body.${table.name}`;
}

export function filterNames(table: Table): string[] {
  return [...table.columns.keys()].map((column) => `rowFilter.${table.name}.${column}`);
}

export function objectBody(table: Table): [name: string, parameter: JsonObject] {
  const { name } = table;
  const schema = reference("definitions", name);
  return [bodyName(table), { name, description: name, required: false, in: "body", schema }];
}

export function rowFilters(table: Table): [name: string, parameter: JsonObject][] {
  return [...table.columns.values()].map(({ name, description }) => [
    `rowFilter.${table.name}.${name}`,
    {
      name,
      ...(description === null ? {} : { description }),
      required: false,
      in: "query",
      type: "string",
    },
  ]);
}
