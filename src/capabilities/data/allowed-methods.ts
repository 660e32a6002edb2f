/** OPTIONS: which methods a table, a function or the root takes (docs.postgrest.org, "OPTIONS"). */
import type { RequestContext } from "../../core/context.ts";
import { errors } from "./errors.ts";
import { findFunction } from "./find-function.ts";
import { findTable } from "./find-table.ts";
import { readIncoming } from "./incoming.ts";
import { rootFunctionName } from "./openapi/describe-root.ts";
import { readQueryString } from "./parse/query-string.ts";
import type { DataRoom } from "./room.ts";

const READS = "OPTIONS,GET,HEAD";

export async function allowedOnTable(
  room: DataRoom,
  request: Request,
  context: RequestContext,
  name: string,
): Promise<Response> {
  const incoming = await readIncoming(room, request, context);
  const { schema } = await room.cache.get(context.tenant);
  const table = findTable(schema, incoming.schema, name);
  const { insertable, updatable, deletable, primaryKey } = table;
  const allow = [
    READS,
    ...(insertable ? ["POST"] : []),
    ...(insertable && updatable && primaryKey.length > 0 ? ["PUT"] : []),
    ...(updatable ? ["PATCH"] : []),
    ...(deletable ? ["DELETE"] : []),
  ];
  return allowing(allow.join(","));
}

/** Overloads are told apart by the arguments in the query, as for GET. */
export async function allowedOnFunction(
  room: DataRoom,
  request: Request,
  context: RequestContext,
  name: string,
): Promise<Response> {
  const incoming = await readIncoming(room, request, context);
  const { schema } = await room.cache.get(context.tenant);
  const { params } = readQueryString(incoming.search, room.limits, "params");
  const { fn } = findFunction(schema, {
    schema: incoming.schema,
    name,
    args: [...new Set(params.map(([key]) => key))].sort(),
    isUniform: true,
    whole: null,
  });
  return allowing(fn.volatility === "volatile" ? "OPTIONS,POST" : `${READS},POST`);
}

export async function allowedAtRoot(
  room: DataRoom,
  request: Request,
  context: RequestContext,
): Promise<Response> {
  const { db_root_spec: rootFunction, openapi_mode: mode } = room.config;
  if (rootFunction !== "") {
    return allowedOnFunction(room, request, context, rootFunctionName(rootFunction));
  }
  await readIncoming(room, request, context);
  if (mode === "disabled") throw errors.PGRST126();
  return allowing(READS);
}

function allowing(methods: string): Response {
  return new Response(null, { status: 200, headers: { Allow: methods } });
}
