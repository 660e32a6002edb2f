/** POST, PUT, PATCH and DELETE `/data/v1/{table}`: insert (and upsert), replace, update, delete. */
import type { RequestContext } from "../../core/context.ts";
import { answerPlan, bodyOf, contentHeaders, numberAt, respond, textAt } from "./answer.ts";
import { answerOnce } from "./answer-once.ts";
import type { BodyShape } from "./compile/compile-body.ts";
import { compileWrite, type WriteKind } from "./compile/compile-write.ts";
import type { CompiledRequest } from "./compile/compiled.ts";
import { RESULT } from "./compile/wrap-result.ts";
import { errors } from "./errors.ts";
import { findTable } from "./find-table.ts";
import { type Incoming, readIncoming } from "./incoming.ts";
import { type Media, negotiate } from "./negotiate-media.ts";
import { parseQuery } from "./parse/parse-query.ts";
import { appliedHeader, HONOURED, type PreferenceName, type Preferences } from "./parse/prefer.ts";
import { type RawQuery, readQueryString } from "./parse/query-string.ts";
import { contentRange } from "./parse/range.ts";
import { parseNames } from "./parse/select.ts";
import type { Query, Slot } from "./parse/tree.ts";
import { planRead } from "./plan/plan-read.ts";
import { type Payload, readPayload, shapeBody } from "./read-body.ts";
import { readPreferences } from "./read-preferences.ts";
import type { DataRoom } from "./room.ts";
import { type Prepared, type Ran, runRequest } from "./run-request.ts";
import type { Table } from "./schema/schema.ts";
import type { SchemaState } from "./schema/schema-cache.ts";

interface PreparedWrite extends Prepared {
  readonly write: WriteRequest;
  readonly table: Table;
  readonly media: Media;
}

/** What of a write does not depend on the schema; read once, also when the request runs twice. */
interface WriteRequest {
  readonly kind: WriteKind;
  readonly raw: RawQuery;
  readonly columns: readonly string[] | null;
  readonly payload: Payload | null;
}

/** What decides the SQL besides the query string. */
interface WriteShape {
  readonly table: Table;
  readonly body: BodyShape;
  readonly media: Media;
  readonly preferences: Preferences;
  readonly maxAffected: Slot | null;
}

export async function writeRows(
  room: DataRoom,
  request: Request,
  context: RequestContext,
  table: string,
  kind: WriteKind,
): Promise<Response> {
  const incoming = await readIncoming(room, request, context, true);
  const write = await readWrite(room, request, incoming, kind);
  const run = () =>
    runRequest(
      room,
      incoming,
      (state) => prepareWrite(room, incoming, state, table, write),
      (ran) => answerWrite(incoming, ran),
    );
  return kind === "insert" ? answerOnce(room, incoming, write.payload?.bytes ?? null, run) : run();
}

async function readWrite(
  room: DataRoom,
  request: Request,
  incoming: Incoming,
  kind: WriteKind,
): Promise<WriteRequest> {
  const raw = readQueryString(incoming.search, room.limits);
  if (kind === "put" && (raw.rootLimit !== null || raw.rootOffset !== null)) {
    throw errors.PGRST114();
  }
  // A row that is put is written whole, and one that is deleted is not written.
  const named = kind === "insert" || kind === "update" ? raw.columns : null;
  const columns = named === null ? null : parseNames(named, "columns parameter");
  const use = { of: "rows", hasColumns: columns !== null } as const;
  const payload =
    kind === "delete" ? null : await readPayload(request, room.config.max_body_bytes, use);
  return { kind, raw, columns, payload };
}

const NO_BODY_SHAPE: BodyShape = { isArray: false, columns: [] };

function prepareWrite(
  room: DataRoom,
  incoming: Incoming,
  state: SchemaState,
  name: string,
  write: WriteRequest,
): PreparedWrite {
  const { raw, payload } = write;
  const { schema } = state;
  incoming.trace?.enter("plan");
  const table = findTable(schema, incoming.schema, name);
  const preferences = readPreferences(room, incoming, schema);
  const media = negotiate(incoming.headers.get("accept"), {
    ...{ schema, of: table, fn: null, plans: room.config.db_plan_enabled },
    wholeRow: raw.select === null || raw.select === "*",
  });
  const body = payload === null ? NO_BODY_SHAPE : shapeBody(payload, table, write.columns);
  const values = [...raw.values];
  const { maxAffected: most } = preferences;
  const maxAffected = most === null ? null : values.push(String(most)) - 1;
  const shape = { table, body, media, preferences, maxAffected };
  const key = shapeKey(write, shape);
  let compiled = state.shapes.get(key);
  if (!compiled) {
    compiled = compile(room, state, write, shape);
    state.shapes.set(key, compiled);
  }
  const bytes = payload?.bytes ?? null;
  return { compiled, values, body: bytes, readOnly: false, preferences, write, table, media };
}

function shapeKey(
  { kind, raw }: WriteRequest,
  { table, body, media, preferences: p, maxAffected }: WriteShape,
): string {
  const columns = JSON.stringify(body.columns.map((c) => c.name));
  const answer = `${media.key}|${p.return}|${p.resolution}|${p.missing}|${maxAffected}`;
  return `${table.index}|${kind}|${answer}|${body.isArray}|${columns}|${raw.skeleton}`;
}

function compile(
  room: DataRoom,
  { schema }: SchemaState,
  { kind, raw }: WriteRequest,
  { table, ...shape }: WriteShape,
): CompiledRequest {
  const query = parseQuery(raw, { limit: null, offset: null }, room.config.max_embed_depth);
  if (kind === "put") checkNamesRow(table, query, raw);
  return compileWrite(planRead(schema, table, query, room.config), {
    kind,
    ...shape,
    conflict: kind === "put" ? table.primaryKey : (query.onConflict ?? table.primaryKey),
    representations: schema.representations,
    observed: schema.observed,
  });
}

/** PUT is for one row, named by the whole primary key and nothing else. */
function checkNamesRow(table: Table, query: Query, raw: RawQuery): void {
  const filters = query.levels.find((level) => level.path.length === 0)?.where ?? [];
  const names = filters.map((filter) => {
    const isEqual =
      filter.kind === "filter" &&
      !filter.negated &&
      filter.operation.kind === "compare" &&
      filter.operation.op === "eq" &&
      filter.operation.quantifier === null &&
      filter.field.path.length === 0;
    return isEqual ? filter.field.name : null;
  });
  const named = new Set(names);
  const isKey =
    table.primaryKey.length > 0 &&
    named.size === table.primaryKey.length &&
    table.primaryKey.every((column) => named.has(column));
  if (!isKey || raw.logics.length > 0) throw errors.PGRST105();
}

function answerWrite(incoming: Incoming, ran: Ran<PreparedWrite>): Response {
  const { row, rows, prepared } = ran;
  const { write, media, preferences, table } = prepared;
  if (media.plan !== null) return answerPlan(incoming, rows, media);
  const full = preferences.return === "representation";
  const headers: Record<string, string> = full ? contentHeaders(incoming, media) : {};
  const range = rangeOf(ran);
  if (range !== null) headers["Content-Range"] = range;
  const location = textAt(row, RESULT.location);
  if (location !== null) headers["Location"] = locationOf(table, location);
  const applied = appliedHeader(preferences, honoured(write, table));
  if (applied !== null) headers["Preference-Applied"] = applied;
  if (prepared.compiled.warning !== null) headers["Warning"] = prepared.compiled.warning;
  return respond(row, statusOf(ran), headers, full ? bodyOf(row, media) : null);
}

/** An update tells which rows it answers; the others only how many, when asked to count. */
function rangeOf({ row, prepared: { write, preferences } }: Ran<PreparedWrite>): string | null {
  if (write.kind === "put") return null;
  const count = numberAt(row, RESULT.pageTotal) ?? 0;
  const isCounted = preferences.count === "exact" || preferences.count === "estimated";
  return contentRange(0, write.kind === "update" ? count : 0, isCounted ? count : null);
}

function statusOf({ row, prepared: { write, preferences } }: Ran<PreparedWrite>): number {
  const full = preferences.return === "representation";
  const inserted = numberAt(row, RESULT.inserted) ?? 0;
  switch (write.kind) {
    case "insert":
      return inserted === 0 && preferences.resolution === "merge-duplicates" ? 200 : 201;
    case "put":
      return full ? (inserted > 0 ? 201 : 200) : 204;
    case "update":
    case "delete":
      return full ? 200 : 204;
  }
}

/** A conflict resolution applies only where there is a key to conflict on. */
function honoured({ kind, raw }: WriteRequest, table: Table): readonly PreferenceName[] {
  const names: readonly PreferenceName[] = HONOURED[kind];
  const resolves = table.primaryKey.length > 0 || raw.onConflict !== null;
  return resolves ? names : names.filter((name) => name !== "resolution");
}

function locationOf(table: Table, json: string): string {
  const values = JSON.parse(json) as (string | null)[];
  const pairs = table.primaryKey.map((column, i) => {
    const value = values[i] ?? null;
    const filter = value === null ? "is.null" : `eq.${value}`;
    return `${encodeURIComponent(column)}=${encodeURIComponent(filter)}`;
  });
  return `/${encodeURIComponent(table.name)}?${pairs.join("&")}`;
}
