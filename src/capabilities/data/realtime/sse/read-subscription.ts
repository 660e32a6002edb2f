/** What `GET /data/v1/{table}/subscribe` asks for: `events`, columns by `select`, and filters. */
import { errors } from "../../errors.ts";
import { parseQuery } from "../../parse/parse-query.ts";
import { type Limits, type RawQuery, readQueryString } from "../../parse/query-string.ts";
import type { Query } from "../../parse/tree.ts";
import type { ChangeInterest, ChangeType } from "../change-feed.ts";

export type Asked = Pick<ChangeInterest, "types" | "columns" | "filters">;

const TYPES: Readonly<Record<string, ChangeType>> = {
  insert: "INSERT",
  update: "UPDATE",
  delete: "DELETE",
};
const ROOT = { limit: null, offset: null };

/** @param search the query string without `?`. @throws PGRST100, too_many_filters, in_list_too_long */
export function readSubscription(search: string, limits: Limits): Asked {
  const pairs = search.split("&");
  const isEvents = (pair: string) => pair.startsWith("events=");
  const raw = readQueryString(pairs.filter((pair) => !isEvents(pair)).join("&"), limits);
  const query = parseQuery(raw, ROOT, 1);
  checkPlain(raw, query);
  const conditions = query.levels.flatMap(({ where }) => where);
  return {
    types: readTypes(pairs.filter(isEvents).map((pair) => pair.slice("events=".length))),
    columns: columnsOf(query),
    filters: conditions.map((condition) => ({ condition, values: raw.values })),
  };
}

/** `events=insert,update`; all of them when it is left out. */
function readTypes(texts: readonly string[]): ReadonlySet<ChangeType> {
  if (texts.length === 0) return new Set(Object.values(TYPES));
  const names = texts.flatMap((text) => text.split(/,|%2C/i));
  return new Set(
    names.map((name) => {
      const type = Object.hasOwn(TYPES, name) ? TYPES[name] : undefined;
      if (type === undefined) throw refused(name, "insert, update or delete");
      return type;
    }),
  );
}

/** Changes come one by one, as they happen, of one table. */
function checkPlain(raw: RawQuery, query: Query): void {
  const isBounded = raw.rootLimit !== null || raw.rootOffset !== null;
  if (raw.orders.length > 0) throw refused("order", "filters");
  if (isBounded || raw.limits.length + raw.offsets.length > 0) throw refused("limit", "filters");
  if (raw.columns !== null) throw refused("columns", "filters");
  if (raw.onConflict !== null) throw refused("on_conflict", "filters");
  const embedded = query.levels.find(({ path }) => path.length > 0)?.path[0];
  if (embedded !== undefined) throw errors.PGRST108(embedded);
}

function columnsOf({ select }: Query): string[] | null {
  const names = select.map((item) => {
    if (item.kind === "star") return null;
    const isColumn =
      item.kind === "field" &&
      item.field.path.length === 0 &&
      item.alias === null &&
      item.cast === null &&
      item.aggregate === null;
    if (!isColumn) throw refused("select", "names of columns");
    return item.field.name;
  });
  return names.includes(null) ? null : names.filter((name) => name !== null);
}

function refused(what: string, expected: string) {
  return errors.PGRST100(
    "failed to parse a subscription",
    1,
    `unexpected ${JSON.stringify(what.slice(0, 100))} expecting ${expected}`,
  );
}
