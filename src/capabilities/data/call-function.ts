/** GET, HEAD and POST `/data/v1/rpc/{function}`. */
import type { RequestContext } from "../../core/context.ts";
import { contentHeaders, numberAt, respond } from "./answer.ts";
import { answerOnce } from "./answer-once.ts";
import { type Arguments, compileCall } from "./compile/compile-call.ts";
import { RESULT } from "./compile/wrap-result.ts";
import { errors } from "./errors.ts";
import { type FunctionMatch, findFunction } from "./find-function.ts";
import { type Incoming, readIncoming } from "./incoming.ts";
import { type Media, negotiate } from "./parse/media.ts";
import { parseQuery } from "./parse/parse-query.ts";
import { appliedHeader, HONOURED, type Preferences, parsePrefer } from "./parse/prefer.ts";
import { type RawQuery, readQueryString } from "./parse/query-string.ts";
import { contentRange, type RowRange, rowRange } from "./parse/range.ts";
import type { Slot } from "./parse/tree.ts";
import { planRead } from "./plan/plan-read.ts";
import { type Payload, readPayload } from "./read-body.ts";
import { bindRange } from "./read-rows.ts";
import type { DataRoom } from "./room.ts";
import { type Prepared, type Ran, runRequest } from "./run-request.ts";
import type { DatabaseFunction, Table } from "./schema/schema.ts";
import type { SchemaState } from "./schema/schema-cache.ts";

/** What of a call does not depend on the schema. */
interface CallRequest {
  readonly name: string;
  readonly raw: RawQuery;
  readonly payload: Payload | null;
  readonly argumentNames: readonly string[];
  readonly argumentSlots: ReadonlyMap<string, Slot>;
  readonly root: { limit: Slot | null; offset: Slot | null };
  readonly media: Media;
  readonly preferences: Preferences;
  readonly range: RowRange;
}

interface PreparedCall extends Prepared {
  readonly fn: DatabaseFunction;
  readonly call: CallRequest;
}

export async function callFunction(
  room: DataRoom,
  request: Request,
  context: RequestContext,
  name: string,
): Promise<Response> {
  const incoming = await readIncoming(room, request, context);
  const call = await readCall(room, request, incoming, name);
  const run = async () => {
    const ran = await runRequest(room, incoming, (state) =>
      prepareCall(room, incoming, state, call),
    );
    return answerCall(incoming, ran);
  };
  return call.payload ? answerOnce(room, incoming, call.payload.bytes, run) : run();
}

async function readCall(
  room: DataRoom,
  request: Request,
  incoming: Incoming,
  name: string,
): Promise<CallRequest> {
  const { headers, method, search } = incoming;
  const isPost = method === "POST";
  const raw = readQueryString(search, room.limits, "params");
  const range = rowRange(
    method === "GET" ? headers.get("range") : null,
    raw.rootLimit,
    raw.rootOffset,
  );
  const root = bindRange(raw, range, room.limits.maxRows);
  const argumentSlots = new Map<string, Slot>();
  if (!isPost)
    for (const [key, text] of raw.params) argumentSlots.set(key, raw.values.push(text) - 1);
  const payload = isPost
    ? await readPayload(request, room.config.max_body_bytes, "arguments")
    : null;
  return {
    name,
    raw,
    payload,
    argumentNames: payload ? (payload.keys ?? []) : [...argumentSlots.keys()],
    argumentSlots,
    root,
    media: negotiate(headers.get("accept")),
    preferences: parsePrefer(headers.get("prefer")),
    range,
  };
}

function prepareCall(
  room: DataRoom,
  incoming: Incoming,
  state: SchemaState,
  call: CallRequest,
): PreparedCall {
  const { raw, payload, root, media, preferences } = call;
  const isPost = incoming.method === "POST";
  const match = findFunction(state.schema, incoming.schema, call.name, call.argumentNames, isPost);
  const { fn } = match;
  const shape = JSON.stringify([incoming.schema, call.name, call.argumentNames, match.takesBody]);
  const key = `rpc|${incoming.method}|${shape}|${media}|${preferences.count}|${root.limit}|${root.offset}|${raw.skeleton}`;
  let compiled = state.shapes.get(key);
  if (!compiled) {
    const query = parseQuery(raw, root, room.config.max_embed_depth);
    const node = planRead(state.schema, resultTable(fn), query);
    const args = argumentsOf(match, call);
    const headOnly = incoming.method === "HEAD";
    const { maxRows } = room.limits;
    compiled = compileCall(node, { fn, args, media, count: preferences.count, maxRows, headOnly });
    state.shapes.set(key, compiled);
  }
  const readOnly = !isPost || fn.volatility !== "volatile";
  return { compiled, values: raw.values, body: payload?.bytes ?? null, readOnly, fn, call };
}

function argumentsOf({ takesBody }: FunctionMatch, call: CallRequest): Arguments {
  if (takesBody) return { from: "whole body" };
  return call.payload
    ? { from: "body", names: call.argumentNames }
    : { from: "slots", slots: call.argumentSlots };
}

/** What filters and embedding of the result are resolved against. */
function resultTable(fn: DatabaseFunction): Table {
  return (
    fn.returnsTable ?? {
      index: -1,
      schema: fn.schema,
      name: fn.name,
      kind: "table",
      columns: new Map(),
      primaryKey: [],
      insertable: false,
      updatable: false,
      deletable: false,
      isProtected: true,
      exposedThrough: null,
      description: null,
      hasReplicaIdentity: false,
    }
  );
}

function answerCall(incoming: Incoming, ran: Ran<PreparedCall>): Response {
  const { row, prepared } = ran;
  const { fn, call } = prepared;
  const { media, preferences, range } = call;
  const count = numberAt(row, RESULT.pageTotal) ?? 0;
  const total = numberAt(row, RESULT.total);
  if (total !== null && range.offset > total) {
    const details = `An offset of ${range.offset} was requested, but there are only ${total} rows.`;
    throw errors.PGRST103(details, String(total));
  }
  if (media === "object" && fn.returnsSet && count !== 1) throw errors.PGRST116(String(count));
  const headers = fn.returnsVoid ? {} : contentHeaders(incoming, media);
  headers["Content-Range"] = contentRange(range.offset, count, total);
  const applied = appliedHeader(preferences, HONOURED.call);
  if (applied !== null) headers["Preference-Applied"] = applied;
  if (fn.returnsVoid) return respond(row, 204, headers, null);
  const status = total !== null && count < total ? 206 : 200;
  return respond(row, status, headers, row[RESULT.body] ?? null);
}
