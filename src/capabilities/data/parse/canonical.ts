/**
 * `Content-Location` of a read: the query string with its parameters in order of their names, so
 * that a cache sees equal queries as equal. Values of one name stand together, joined by commas.
 */
import { decodePart } from "./query-string.ts";

/**
 * @param search the query string without `?`, as sent
 * @throws PGRST100 for percent-encoding that is not UTF-8
 */
export function canonicalQuery(search: string): string {
  if (search === "") return "";
  if (ONE_PLAIN.test(search)) return `?${search}`;
  const values = new Map<string, string>();
  for (const pair of search.split("&")) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const name = decodePart(equals < 0 ? pair : pair.slice(0, equals));
    const value = equals < 0 ? "" : encode(decodePart(pair.slice(equals + 1)));
    const known = values.get(name);
    values.set(name, known === undefined ? value : `${known},${value}`);
  }
  const names = [...values.keys()];
  if (names.length > 1) names.sort();
  let query = "";
  for (const name of names)
    query += `${query === "" ? "?" : "&"}${encode(name)}=${values.get(name)}`;
  return query;
}

/** One parameter that stands as it was sent: a read by id. */
const ONE_PLAIN = /^[A-Za-z0-9\-_.~]+=[A-Za-z0-9\-_.~]*$/;
const UNRESERVED = /^[A-Za-z0-9\-_.~]*$/;

/** As it stands in a path. */
export function encodeName(name: string): string {
  return UNRESERVED.test(name) ? name : encodeURIComponent(name);
}

/** What `encodeURIComponent` leaves beside them. */
const MORE: Readonly<Record<string, string>> = {
  "!": "%21",
  "'": "%27",
  "(": "%28",
  ")": "%29",
  "*": "%2A",
};

function encode(text: string): string {
  if (UNRESERVED.test(text)) return text;
  return encodeURIComponent(text.toWellFormed()).replace(/[!'()*]/g, (c) => MORE[c] ?? c);
}
