/** Filters of a subscription: the data API's own conditions, over the columns of the row itself. */
import { errors } from "../errors.ts";
import { parseOperation } from "../parse/operation.ts";
import { Scanner } from "../parse/scanner.ts";
import type { RowFilter } from "./change-feed.ts";

/**
 * `name` as it stands before `=` (a column, perhaps with a JSON path) and `text` behind it
 * (`eq.1`, `in.(1,2)`, `not.is.null`), both decoded. @throws PGRST100, in_list_too_long
 */
export function parseRowFilter(name: string, text: string, maxListSize: number): RowFilter {
  const scanner = new Scanner(name, "filter");
  const field = scanner.field();
  if (!scanner.done) scanner.fail("end of input");
  const values: string[] = [];
  const { negated, operation } = parseOperation(text, { values, maxListSize });
  return { condition: { kind: "filter", field, negated, operation }, values };
}

/** `column=operator.value`, the form that `@supabase/realtime-js` sends. @throws PGRST100 */
export function parseRowFilterText(text: string, maxListSize: number): RowFilter {
  const equals = text.indexOf("=");
  if (equals < 1) {
    throw errors.PGRST100(`failed to parse filter (${text.slice(0, 200)})`, 1, 'expecting "="');
  }
  return parseRowFilter(text.slice(0, equals), text.slice(equals + 1), maxListSize);
}
