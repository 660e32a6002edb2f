/**
 * The rows of a request body as SQL: one JSON parameter that Postgres takes apart, typed by the
 * table's own columns. Always the FROM item `pgrst_body`, so that errors name what PostgREST's name.
 */
import type { Preferences } from "../parse/prefer.ts";
import { type Column, representationKey } from "../schema/schema.ts";
import { type Binder, BODY_SLOT } from "./compiled.ts";
import { quoteIdent, quoteLiteral } from "./quote.ts";

/** What the request body holds, as far as the SQL depends on it. */
export interface BodyShape {
  readonly isArray: boolean;
  /** Columns to write, all known to the table, in alphabetical order. */
  readonly columns: readonly Column[];
}

export interface BodyContext {
  readonly binder: Binder;
  readonly missing: Preferences["missing"];
  /** `Schema.representations`. */
  readonly representations: ReadonlyMap<string, string>;
}

export const BODY = "pgrst_body";

/** `(select "a", "b" from …) as pgrst_body`; without columns, one row for each object. */
export function bodyItem(body: BodyShape, context: BodyContext, limit = ""): string {
  const { columns, isArray } = body;
  if (columns.length > 0) return `(${typedRows(body, context)}${limit}) as ${BODY}`;
  return isArray
    ? `pg_catalog.json_array_elements(${context.binder.bind(BODY_SLOT)}::json) as ${BODY}`
    : `(values (1)) as ${BODY}`;
}

function typedRows({ columns, isArray }: BodyShape, context: BodyContext): string {
  const { binder, missing, representations } = context;
  const parsers = columns.map((c) => parserOf(c, representations));
  const values = columns.map(({ name }, i) => {
    const column = quoteIdent(name);
    return parsers[i] === undefined ? column : `${parsers[i]}(${column}) as ${column}`;
  });
  const typed = columns.map(
    ({ name, type }, i) => `${quoteIdent(name)} ${parsers[i] === undefined ? type : "json"}`,
  );
  const select = `select ${values.join(", ")} from`;
  const row = `_row(${typed.join(", ")})`;
  const body = binder.bind(BODY_SLOT);
  const defaults = columns.filter((c) => c.defaultSql !== null);
  if (missing !== "default" || defaults.length === 0) {
    const expand = isArray ? "json_to_recordset" : "json_to_record";
    return `${select} pg_catalog.${expand}(${body}::json) as ${row}`;
  }
  const laid = withDefaults(defaults, body, isArray);
  return `${select} (${laid}) as _laid cross join lateral pg_catalog.jsonb_to_record(_laid.value) as ${row}`;
}

/** The function that reads a domain's values out of JSON (docs.postgrest.org, "Domain Representations"). */
function parserOf(
  { domain }: Column,
  representations: ReadonlyMap<string, string>,
): string | undefined {
  return domain === null ? undefined : representations.get(representationKey("json", domain));
}

/** The default of each missing key is laid under the object, evaluated anew for each row that lacks it. */
function withDefaults(defaults: readonly Column[], body: string, isArray: boolean): string {
  const names = defaults.map(({ name }) => quoteIdent(name));
  const values = defaults.map(({ name, defaultSql }, i) => {
    // What is there is not evaluated: a sequence would lose a number for every row.
    const isThere = `pg_catalog.jsonb_exists(_item.value, ${quoteLiteral(name)})`;
    return `case when ${isThere} then null else (${defaultSql}) end as ${names[i]}`;
  });
  // The parameter is json, whose binary form is its text; jsonb's is not.
  const items = isArray
    ? `pg_catalog.jsonb_array_elements(${body}::json::jsonb)`
    : `(select ${body}::json::jsonb)`;
  return `select pg_catalog.to_jsonb(_default) || _item.value as value from ${items} as _item(value) cross join lateral (select ${values.join(", ")}) as _default(${names.join(", ")})`;
}
