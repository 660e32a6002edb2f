/** GET and HEAD `/data/v1/{table}`. */
import type { RequestContext } from "../../core/context.ts";
import { answerPlan, bodyOf, contentHeaders, numberAt, respond } from "./answer.ts";
import { compileRead } from "./compile/compile-read.ts";
import { RESULT } from "./compile/wrap-result.ts";
import { errors } from "./errors.ts";
import { findTable } from "./find-table.ts";
import { type Incoming, readIncoming } from "./incoming.ts";
import { isSingular, type Media, negotiate } from "./negotiate-media.ts";
import { canonicalQuery, encodeName } from "./parse/canonical.ts";
import { parseQuery } from "./parse/parse-query.ts";
import { appliedHeader, HONOURED } from "./parse/prefer.ts";
import { type RawQuery, readQueryString } from "./parse/query-string.ts";
import { contentRange, type RowRange, rowRange } from "./parse/range.ts";
import type { Slot } from "./parse/tree.ts";
import { planRead } from "./plan/plan-read.ts";
import { readPreferences } from "./read-preferences.ts";
import type { DataRoom } from "./room.ts";
import { type Prepared, type Ran, runRequest } from "./run-request.ts";
import type { Table } from "./schema/schema.ts";
import type { SchemaState } from "./schema/schema-cache.ts";

interface PreparedRead extends Prepared {
  readonly table: Table;
  readonly media: Media;
  readonly range: RowRange;
}

/** Not `async`: each wait costs as much as parsing a query, so there is none for what is at hand. */
export function readRows(
  room: DataRoom,
  request: Request,
  context: RequestContext,
  table: string,
): Promise<Response> {
  const read = (incoming: Incoming) =>
    runRequest(
      room,
      incoming,
      (state) => prepareRead(room, incoming, state, table),
      (ran) => answerRead(incoming, ran, totalRows(room, ran)),
    );
  try {
    const reading = readIncoming(room, request, context, true);
    return reading instanceof Promise ? reading.then(read) : read(reading);
  } catch (error) {
    return Promise.reject(error);
  }
}

function prepareRead(
  room: DataRoom,
  incoming: Incoming,
  state: SchemaState,
  name: string,
): PreparedRead {
  const { headers, method } = incoming;
  const table = findTable(state.schema, incoming.schema, name);
  const raw = readQueryString(incoming.search, room.limits);
  const preferences = readPreferences(room, incoming, state.schema);
  const media = negotiate(headers.get("accept"), {
    ...{ schema: state.schema, of: table, fn: null, plans: room.config.db_plan_enabled },
    wholeRow: raw.select === null || raw.select === "*",
  });
  const headOnly = method === "HEAD";
  const range = rowRange(headOnly ? null : headers.get("range"), raw.rootLimit, raw.rootOffset);
  const root = bindRange(raw, range, room.limits.maxRows);
  const key = `${table.index}|${method}|${media.key}|${preferences.count}|${root.limit}|${root.offset}|${raw.skeleton}`;
  let compiled = state.shapes.get(key);
  if (!compiled) {
    const query = parseQuery(raw, root, room.config.max_embed_depth);
    incoming.trace?.enter("plan");
    const node = planRead(state.schema, table, query, room.config);
    const { maxRows } = room.limits;
    const { observed } = state.schema;
    const { count } = preferences;
    compiled = compileRead(node, { media, count, maxRows, headOnly, observed });
    state.shapes.set(key, compiled);
  }
  const { values } = raw;
  return { compiled, values, body: null, readOnly: true, media, preferences, range, table };
}

/** Moves the root's bounds to the values; without a limit `max_rows` stands in the SQL itself. */
export function bindRange(
  raw: RawQuery,
  range: RowRange,
  maxRows: number | null,
): { limit: Slot | null; offset: Slot | null } {
  const limit =
    range.limit === null || maxRows === null ? range.limit : Math.min(range.limit, maxRows);
  return {
    limit: limit === null ? null : raw.values.push(String(limit)) - 1,
    offset: range.offset === 0 ? null : raw.values.push(String(range.offset)) - 1,
  };
}

function totalRows(
  room: DataRoom,
  { prepared, row, plannedRows }: Ran<PreparedRead>,
): number | null {
  const { count } = prepared.preferences;
  if (count === null || prepared.media.plan !== null) return null;
  const counted = numberAt(row, RESULT.total);
  if (count === "exact") return counted;
  const { maxRows } = room.limits;
  if (counted !== null && maxRows !== null && counted <= maxRows) return counted;
  return Math.max(counted ?? 0, plannedRows ?? 0);
}

function answerRead(incoming: Incoming, ran: Ran<PreparedRead>, total: number | null): Response {
  const { row, rows, prepared } = ran;
  const { media, preferences, range, table } = prepared;
  if (media.plan !== null) return answerPlan(incoming, rows, media);
  const count = countOf(ran);
  if (total !== null && range.offset > total) {
    const details = `An offset of ${range.offset} was requested, but there are only ${total} rows.`;
    throw errors.PGRST103(details, String(total));
  }
  if (isSingular(media) && count !== 1) throw errors.PGRST116(String(count));
  const headers = contentHeaders(incoming, media);
  headers["Content-Range"] = contentRange(range.offset, count, total);
  headers["Content-Location"] = `/${encodeName(table.name)}${canonicalQuery(incoming.search)}`;
  const applied = appliedHeader(preferences, HONOURED.read);
  if (applied !== null) headers["Preference-Applied"] = applied;
  if (prepared.compiled.warning !== null) headers["Warning"] = prepared.compiled.warning;
  const status = total !== null && count < total ? 206 : 200;
  const body = bodyOf(row, media) ?? (prepared.compiled.isOneRow ? NO_ROWS : null);
  return respond(row, status, headers, body);
}

/** Of a list; a singular answer without its row is an error. */
const NO_ROWS = new TextEncoder().encode("[]");

function countOf({ row, prepared }: Ran<PreparedRead>): number {
  if (prepared.compiled.isOneRow) return row[RESULT.body] ? 1 : 0;
  return numberAt(row, RESULT.pageTotal) ?? 0;
}
