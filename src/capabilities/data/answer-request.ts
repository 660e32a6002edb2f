/**
 * Around every route: the tenant's room as configured now, and what the answers of all of them have
 * in common, errors included (`Server-Timing`, the trace header, how much errors tell, the log).
 */
import { contextOf, type RequestContext } from "../../core/context.ts";
import type { ReactorError } from "../../core/errors.ts";
import { errorResponse, reportError, toReactorError } from "../../core/http.ts";
import type { EffectiveConfig } from "./effective-config.ts";
import { asPostgrest } from "./errors.ts";
import { attachTrace, type RequestTrace } from "./request-trace.ts";
import type { DataRoom } from "./room.ts";
import type { Rooms } from "./rooms.ts";

export type Answering = (room: DataRoom, context: RequestContext) => Promise<Response>;

/** @throws errors in PostgREST's form, those of the server's other parts included */
export async function answerRequest(
  rooms: Rooms,
  request: Request,
  run: Answering,
): Promise<Response> {
  const context = contextOf(request);
  try {
    const room = rooms.of(context.tenant);
    const ready = room instanceof Promise ? await room : room;
    return await answerIn(rooms, ready, request, context, run);
  } catch (error) {
    throw postgrestError(error, context);
  }
}

function postgrestError(error: unknown, { originalPath }: RequestContext): ReactorError {
  return asPostgrest(toReactorError(error, originalPath));
}

function answerIn(
  rooms: Rooms,
  room: DataRoom,
  request: Request,
  context: RequestContext,
  run: Answering,
): Promise<Response> {
  const { config } = room;
  return isPlain(config) ? run(room, context) : answerTraced(rooms, room, request, context, run);
}

/** Nothing is asked for that makes answers differ from what the operation answers. */
function isPlain(config: EffectiveConfig): boolean {
  return (
    !config.server_timing_enabled &&
    config.server_trace_header === "" &&
    config.client_error_verbosity === "verbose" &&
    config.log_level === null &&
    !config.log_query
  );
}

async function answerTraced(
  rooms: Rooms,
  room: DataRoom,
  request: Request,
  context: RequestContext,
  run: Answering,
): Promise<Response> {
  const { config } = room;
  const trace =
    config.server_timing_enabled || config.log_query ? attachTrace(request, rooms.clock) : null;
  context.loggedFromStatus = loggedFrom(config);
  const response = await run(room, context).then(
    (answer) => {
      trace?.enter("response");
      return answer;
    },
    (error: unknown) => refusal(config, request, postgrestError(error, context)),
  );
  addHeaders(config, request, trace, response.headers, context);
  if (config.log_query && trace && response.status >= loggedFrom(config)) {
    for (const sql of trace.queries) context.log.info("data.query", { sql });
  }
  return response;
}

function refusal(config: EffectiveConfig, request: Request, error: ReactorError): Response {
  reportError(request, error);
  if (config.client_error_verbosity === "verbose") return errorResponse(error);
  const { code, message } = error;
  const { status, headers } = errorResponse(error);
  return new Response(JSON.stringify({ code, message }), { status, headers });
}

function addHeaders(
  config: EffectiveConfig,
  request: Request,
  trace: RequestTrace | null,
  headers: Headers,
  context: RequestContext,
): void {
  if (config.server_timing_enabled && trace) headers.set("Server-Timing", trace.header());
  const name = config.server_trace_header;
  const value = name === "" ? null : request.headers.get(name);
  if (value === null) return;
  headers.set(name, value);
  context.echoesRequestId = name.toLowerCase() === "x-request-id";
}

/** The least status that is logged (docs.postgrest.org, "log-level"). */
function loggedFrom({ log_level: level }: EffectiveConfig): number {
  switch (level) {
    case "crit":
      return 600;
    case "error":
      return 500;
    case "warn":
      return 400;
    default:
      return 0;
  }
}
