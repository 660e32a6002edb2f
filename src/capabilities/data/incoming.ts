/** What every operation needs of a request, read once: who asks, which schema, which query string. */
import type { RequestContext } from "../../core/context.ts";
import type { Principal } from "../../core/ports/auth.ts";
import { callerOf } from "./auth/caller.ts";
import { errors } from "./errors.ts";
import { type RequestTrace, traceOf } from "./request-trace.ts";
import type { DataRoom } from "./room.ts";

export interface Incoming {
  readonly context: RequestContext;
  readonly principal: Principal;
  readonly method: string;
  readonly headers: Headers;
  /** Query string without `?`. */
  readonly search: string;
  readonly schema: string;
  /** The schema is named in the answer: where there is a choice, or the request named one. */
  readonly showsSchema: boolean;
  /** Null unless somebody wants to know (`server_timing_enabled`, `log_query`). */
  readonly trace: RequestTrace | null;
}

/**
 * At once where the credential was seen before, which is nearly always.
 * @param checksScopes the operation asks `requireScopes`; where it does not, keys with scopes are refused
 * @throws PGRST002, PGRST106, PGRST300 to PGRST303, url_too_long
 */
export function readIncoming(
  room: DataRoom,
  request: Request,
  context: RequestContext,
  checksScopes = false,
): Incoming | Promise<Incoming> {
  if (request.url.length > room.config.max_url_bytes) {
    throw errors.url_too_long(room.config.max_url_bytes);
  }
  const asking = callerOf(room, request.headers, context, checksScopes);
  return asking instanceof Promise
    ? asking.then((principal) => incomingOf(room, request, context, principal))
    : incomingOf(room, request, context, asking);
}

function incomingOf(
  room: DataRoom,
  request: Request,
  context: RequestContext,
  principal: Principal,
): Incoming {
  const { url, method, headers } = request;
  const trace = traceOf(request);
  trace?.enter("parse");
  const mark = url.indexOf("?");
  const profile = headers.get(WRITES.has(method) ? "content-profile" : "accept-profile");
  return {
    context,
    principal,
    method,
    headers,
    search: mark < 0 ? "" : url.slice(mark + 1),
    schema: schemaOf(room, profile),
    showsSchema: profile !== null || room.searchPaths.size > 1,
    trace,
  };
}

const WRITES: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH", "DELETE"]);

/** docs.postgrest.org, "Schemas": Content-Profile for writing, Accept-Profile for all else. */
function schemaOf(room: DataRoom, sent: string | null): string {
  // Headers come as Latin-1, and names are UTF-8.
  const asked = sent === null ? null : Buffer.from(sent, "latin1").toString("utf8");
  if (asked === null || asked === room.defaultSchema) return room.defaultSchema;
  if (!room.searchPaths.has(asked)) throw errors.PGRST106(asked, [...room.searchPaths.keys()]);
  return asked;
}
