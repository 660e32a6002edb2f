/** GET, HEAD and POST `/data/v1/rpc/{function}`. */
import type { RequestContext } from "../../core/context.ts";
import { answerPlan, bodyOf, contentHeaders, numberAt, respond } from "./answer.ts";
import { answerOnce } from "./answer-once.ts";
import { type Arguments, compileCall, SCALAR } from "./compile/compile-call.ts";
import { RESULT } from "./compile/wrap-result.ts";
import { errors } from "./errors.ts";
import { type FunctionMatch, findFunction } from "./find-function.ts";
import { type Incoming, readIncoming } from "./incoming.ts";
import { type Media, negotiate } from "./negotiate-media.ts";
import { arrayLiteral } from "./parse/operation.ts";
import { parseQuery } from "./parse/parse-query.ts";
import { appliedHeader, HONOURED } from "./parse/prefer.ts";
import { type RawQuery, readQueryString } from "./parse/query-string.ts";
import { contentRange, type RowRange, rowRange } from "./parse/range.ts";
import { parseNames } from "./parse/select.ts";
import type { Slot } from "./parse/tree.ts";
import { planRead } from "./plan/plan-read.ts";
import { type Payload, readPayload } from "./read-body.ts";
import { readPreferences } from "./read-preferences.ts";
import { bindRange } from "./read-rows.ts";
import { resultTable } from "./result-table.ts";
import type { DataRoom } from "./room.ts";
import { type Prepared, type Ran, runRequest } from "./run-request.ts";
import type { DatabaseFunction } from "./schema/schema.ts";
import type { SchemaState } from "./schema/schema-cache.ts";

/** What of a call does not depend on the schema. */
interface CallRequest {
  readonly name: string;
  readonly raw: RawQuery;
  readonly payload: Payload | null;
  /** Arguments that are texts, in order; a name may come more than once. Null = they are in JSON. */
  readonly pairs: readonly (readonly [name: string, value: string])[] | null;
  /** Alphabetical. */
  readonly names: readonly string[];
  readonly root: { limit: Slot | null; offset: Slot | null };
  readonly range: RowRange;
}

interface PreparedCall extends Prepared {
  readonly fn: DatabaseFunction;
  readonly call: CallRequest;
  readonly media: Media;
}

export async function callFunction(
  room: DataRoom,
  request: Request,
  context: RequestContext,
  name: string,
): Promise<Response> {
  const incoming = await readIncoming(room, request, context, true);
  const call = await readCall(room, request, incoming, name);
  const run = () =>
    runRequest(
      room,
      incoming,
      (state) => prepareCall(room, incoming, state, call),
      (ran) => answerCall(incoming, ran),
    );
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
  const raw = readQueryString(search, room.limits, isPost ? "filters" : "params");
  const range = rowRange(
    method === "GET" ? headers.get("range") : null,
    raw.rootLimit,
    raw.rootOffset,
  );
  const root = bindRange(raw, range, room.limits.maxRows);
  const columns = isPost && raw.columns !== null ? raw.columns : null;
  const named = columns === null ? null : parseNames(columns, "columns parameter");
  const use = { of: "arguments", hasColumns: named !== null } as const;
  const payload = isPost ? await readPayload(request, room.config.max_body_bytes, use) : null;
  const pairs = payload === null ? raw.params : payload.pairs;
  const given = payload === null ? raw.params.map(([key]) => key) : (payload.keys ?? named ?? []);
  return { name, raw, payload, pairs, names: [...new Set(given)].sort(), root, range };
}

function prepareCall(
  room: DataRoom,
  incoming: Incoming,
  state: SchemaState,
  call: CallRequest,
): PreparedCall {
  const { name, raw, payload, names, root } = call;
  const { schema } = state;
  incoming.trace?.enter("plan");
  const whole = payload?.whole ?? null;
  const match = findFunction(schema, {
    ...{ schema: incoming.schema, name, args: names, whole },
    isUniform: payload?.isUniform ?? true,
  });
  const { fn } = match;
  const preferences = readPreferences(room, incoming, schema);
  const { maxAffected: most, count } = preferences;
  if (most !== null && !fn.returnsSet) throw errors.PGRST128();
  const media = negotiate(incoming.headers.get("accept"), {
    ...{ schema, of: fn.returnsTable ?? fn, fn, plans: room.config.db_plan_enabled },
    wholeRow: raw.select === null || raw.select === "*",
  });
  const values = [...raw.values];
  const args = argumentsOf(match, call, values);
  const maxAffected = most === null ? null : values.push(String(most)) - 1;
  const called = JSON.stringify([
    incoming.schema,
    name,
    names,
    whole,
    payload?.isArray,
    call.pairs === null,
  ]);
  const bounds = `${root.limit}|${root.offset}|${maxAffected}`;
  const key = `rpc|${incoming.method}|${called}|${media.key}|${count}|${bounds}|${raw.skeleton}`;
  let compiled = state.shapes.get(key);
  if (!compiled) {
    const query = parseQuery(raw, root, room.config.max_embed_depth);
    const node = planRead(schema, resultTable(fn, SCALAR), query, room.config);
    const { maxRows } = room.limits;
    const headOnly = incoming.method === "HEAD";
    compiled = compileCall(node, { fn, args, media, count, maxRows, maxAffected, headOnly });
    state.shapes.set(key, compiled);
  }
  const readOnly = incoming.method !== "POST" || fn.volatility !== "volatile";
  const body = payload?.bytes ?? null;
  return { compiled, values, body, readOnly, preferences, fn, call, media };
}

/** Arguments that are texts are added to the values, in the order of the parameters. */
function argumentsOf(
  { fn, takesBody }: FunctionMatch,
  { pairs, payload, names }: CallRequest,
  values: string[],
): Arguments {
  if (takesBody) return { from: "whole body" };
  if (pairs === null) return { from: "body", names, isArray: payload?.isArray ?? false };
  const slots = new Map<string, Slot>();
  for (const parameter of fn.parameters) {
    const given = pairs.filter(([name]) => name === parameter.name).map(([, value]) => value);
    const last = given.at(-1);
    if (last === undefined) continue;
    const value = parameter.variadic ? arrayLiteral(given) : last;
    slots.set(parameter.name, values.push(value) - 1);
  }
  return { from: "slots", slots };
}

function answerCall(incoming: Incoming, ran: Ran<PreparedCall>): Response {
  const { row, rows, prepared } = ran;
  const { fn, call, media, preferences } = prepared;
  const { range } = call;
  if (media.plan !== null) return answerPlan(incoming, rows, media);
  const count = numberAt(row, RESULT.pageTotal) ?? 0;
  const total = numberAt(row, RESULT.total);
  if (total !== null && range.offset > total) {
    const details = `An offset of ${range.offset} was requested, but there are only ${total} rows.`;
    throw errors.PGRST103(details, String(total));
  }
  const headers = fn.returnsVoid ? {} : contentHeaders(incoming, media);
  headers["Content-Range"] = contentRange(range.offset, count, total);
  const applied = appliedHeader(preferences, HONOURED.call);
  if (applied !== null) headers["Preference-Applied"] = applied;
  if (prepared.compiled.warning !== null) headers["Warning"] = prepared.compiled.warning;
  if (fn.returnsVoid) return respond(row, 204, headers, null);
  const status = total !== null && count < total ? 206 : 200;
  return respond(row, status, headers, bodyOf(row, media));
}
