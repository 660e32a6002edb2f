/** From a query string to SQL in one call, for unit tests. */
import { ReactorError } from "../../../core/errors.ts";
import { JSON_ARRAY } from "../negotiate-media.ts";
import { parseQuery } from "../parse/parse-query.ts";
import { readQueryString } from "../parse/query-string.ts";
import { planRead } from "../plan/plan-read.ts";
import { type Schema, tableKey } from "../schema/schema.ts";
import { shopSchema } from "../schema/shop-schema.fixture.ts";
import { compileRead } from "./compile-read.ts";

export const LIMITS = { maxFilters: 100, maxListSize: 100, maxRows: 1000 };

export function compile(
  table: string,
  search: string,
  schema: Schema = shopSchema,
  count: "exact" | null = null,
  maxRows: number | null = 1000,
) {
  const found = schema.tables.get(tableKey("public", table));
  if (!found) throw new Error(table);
  const raw = readQueryString(search, LIMITS);
  const query = parseQuery(raw, { limit: null, offset: null }, 5);
  const node = planRead(schema, found, query, { db_aggregates_enabled: true });
  const compiled = compileRead(node, {
    media: JSON_ARRAY,
    count,
    maxRows,
    headOnly: false,
    observed: schema.observed,
  });
  return { ...compiled, raw, params: compiled.slots.map((slot) => raw.values[slot]) };
}

/** The SELECT inside the wrapper. */
export function inner(
  table: string,
  search: string,
  schema?: Schema,
  maxRows?: number | null,
): string {
  const { sql } = compile(table, search, schema, null, maxRows);
  return sql.slice(sql.indexOf("from (") + 6, sql.lastIndexOf(") as _postgrest_t"));
}

export function failure(run: () => unknown): ReactorError {
  try {
    run();
  } catch (error) {
    if (error instanceof ReactorError) return error;
    throw error;
  }
  throw new Error("did not fail");
}
