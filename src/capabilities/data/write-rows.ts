/** POST, PATCH and DELETE `/data/v1/{table}`: insert (and upsert), update, delete. */
import type { RequestContext } from "../../core/context.ts";
import { contentHeaders, numberAt, respond, textAt } from "./answer.ts";
import { answerOnce } from "./answer-once.ts";
import { type BodyShape, compileWrite, type WriteKind } from "./compile/compile-write.ts";
import type { CompiledRequest } from "./compile/compiled.ts";
import { RESULT } from "./compile/wrap-result.ts";
import { findTable } from "./find-table.ts";
import { type Incoming, readIncoming } from "./incoming.ts";
import { type Media, negotiate } from "./parse/media.ts";
import { parseQuery } from "./parse/parse-query.ts";
import {
  appliedHeader,
  HONOURED,
  type PreferenceName,
  type Preferences,
  parsePrefer,
} from "./parse/prefer.ts";
import { type RawQuery, readQueryString } from "./parse/query-string.ts";
import { contentRange } from "./parse/range.ts";
import { parseNames } from "./parse/select.ts";
import { planRead } from "./plan/plan-read.ts";
import { type Payload, readPayload, shapeBody } from "./read-body.ts";
import type { DataRoom } from "./room.ts";
import { type Prepared, type Ran, runRequest } from "./run-request.ts";
import type { Table } from "./schema/schema.ts";
import type { SchemaState } from "./schema/schema-cache.ts";

interface PreparedWrite extends Prepared {
  readonly kind: WriteKind;
  readonly table: Table;
  readonly media: Media;
  readonly preferences: Preferences;
}

/** What of a write does not depend on the schema; read once, also when the request runs twice. */
interface WriteRequest {
  readonly kind: WriteKind;
  readonly raw: RawQuery;
  readonly columns: readonly string[] | null;
  readonly payload: Payload | null;
  readonly media: Media;
  readonly preferences: Preferences;
}

export async function writeRows(
  room: DataRoom,
  request: Request,
  context: RequestContext,
  table: string,
  kind: WriteKind,
): Promise<Response> {
  const incoming = await readIncoming(room, request, context);
  const write = await readWrite(room, request, incoming, kind);
  const run = async () => {
    const ran = await runRequest(room, incoming, (state) =>
      prepareWrite(room, incoming, state, table, write),
    );
    return answerWrite(incoming, ran);
  };
  return kind === "insert" ? answerOnce(room, incoming, write.payload?.bytes ?? null, run) : run();
}

async function readWrite(
  room: DataRoom,
  request: Request,
  incoming: Incoming,
  kind: WriteKind,
): Promise<WriteRequest> {
  const raw = readQueryString(incoming.search, room.limits);
  const preferences = parsePrefer(incoming.headers.get("prefer"));
  const media = negotiate(incoming.headers.get("accept"));
  const columns = raw.columns === null ? null : parseNames(raw.columns, "columns parameter");
  const payload =
    kind === "delete"
      ? null
      : await readPayload(
          request,
          room.config.max_body_bytes,
          columns === null ? "rows" : "rows with columns",
        );
  return { kind, raw, columns, payload, media, preferences };
}

function prepareWrite(
  room: DataRoom,
  incoming: Incoming,
  state: SchemaState,
  name: string,
  write: WriteRequest,
): PreparedWrite {
  const { kind, raw, payload, media, preferences } = write;
  const table = findTable(state.schema, incoming.schema, name);
  const body = payload === null ? NO_BODY_SHAPE : shapeBody(payload, table, write.columns);
  const key = shapeKey(table, write, body);
  let compiled = state.shapes.get(key);
  if (!compiled) {
    compiled = compile(room, state, table, write, body);
    state.shapes.set(key, compiled);
  }
  const bytes = payload?.bytes ?? null;
  return {
    compiled,
    values: raw.values,
    body: bytes,
    readOnly: false,
    kind,
    table,
    media,
    preferences,
  };
}

const NO_BODY_SHAPE: BodyShape = { isArray: false, columns: [], isEmpty: true };

function shapeKey(table: Table, write: WriteRequest, body: BodyShape): string {
  const p = write.preferences;
  const columns = JSON.stringify(body.columns.map((c) => c.name));
  const answer = `${write.media}|${p.return}|${p.resolution}|${p.missing}|${p.maxAffected}`;
  const shape = `${body.isArray}|${body.isEmpty}|${columns}`;
  return `${table.index}|${write.kind}|${answer}|${shape}|${write.raw.skeleton}`;
}

function compile(
  room: DataRoom,
  state: SchemaState,
  table: Table,
  write: WriteRequest,
  body: BodyShape,
): CompiledRequest {
  const query = parseQuery(write.raw, { limit: null, offset: null }, room.config.max_embed_depth);
  const node = planRead(state.schema, table, query);
  return compileWrite(node, {
    kind: write.kind,
    body: write.kind === "update" && body.columns.length === 0 ? { ...body, isEmpty: true } : body,
    preferences: write.preferences,
    media: write.media,
    conflict: query.onConflict ?? table.primaryKey,
  });
}

function answerWrite(incoming: Incoming, ran: Ran<PreparedWrite>): Response {
  const { row, prepared } = ran;
  const { kind, media, preferences, table } = prepared;
  const count = numberAt(row, RESULT.pageTotal) ?? 0;
  const total = preferences.count === null ? null : count;
  const full = preferences.return === "representation";
  const headers: Record<string, string> = full ? contentHeaders(incoming, media) : {};
  headers["Content-Range"] = contentRange(0, kind === "update" ? count : 0, total);
  const location = textAt(row, RESULT.location);
  if (location !== null) headers["Location"] = locationOf(table, location);
  const applied = appliedHeader(preferences, honoured(prepared));
  if (applied !== null) headers["Preference-Applied"] = applied;
  return respond(row, statusOf(ran), headers, full ? (row[RESULT.body] ?? null) : null);
}

function statusOf(ran: Ran<PreparedWrite>): number {
  const { kind, preferences } = ran.prepared;
  if (kind !== "insert") return preferences.return === "representation" ? 200 : 204;
  const inserted = numberAt(ran.row, RESULT.inserted);
  return inserted === 0 && preferences.resolution === "merge-duplicates" ? 200 : 201;
}

/** A conflict resolution applies only where there is a key to conflict on. */
function honoured({ kind, table, compiled }: PreparedWrite): readonly PreferenceName[] {
  const resolves = table.primaryKey.length > 0 || compiled.sql.includes(" on conflict (");
  return resolves ? HONOURED[kind] : HONOURED[kind].filter((name) => name !== "resolution");
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
