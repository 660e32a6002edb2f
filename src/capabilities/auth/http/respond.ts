/**
 * From an operation to an answer of `/auth/v1`, and from an error too: every one carries the API
 * version header, without which auth-js ignores error codes, and none may be cached unless it says so.
 */
import { contextOf } from "../../../core/context.ts";
import { errorResponse, reportError, toReactorError } from "../../../core/http.ts";

export interface Reply {
  /** Default 200, or 204 without a body. */
  readonly status?: number;
  /** Sent as JSON; absent = no body. */
  readonly body?: unknown;
  /** Sent as it is, in place of a body. */
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const COMMON = { "X-Supabase-Api-Version": "2024-01-01", "Cache-Control": "no-store" } as const;
const OF_JSON = { "Content-Type": "application/json", ...COMMON } as const;

/** Runs `work` for the request and answers with what it returns or throws: at once, if it does not wait. */
export function respond(
  request: Request,
  work: () => Promise<Reply> | Reply,
): Promise<Response> | Response {
  try {
    const reply = work();
    if (!(reply instanceof Promise)) return toResponse(reply);
    return reply.then(toResponse).catch((error: unknown) => refusal(request, error));
  } catch (error) {
    return refusal(request, error);
  }
}

function refusal(request: Request, error: unknown): Response {
  const known = toReactorError(error, contextOf(request).originalPath);
  reportError(request, known);
  const response = errorResponse(known);
  response.headers.set("X-Supabase-Api-Version", COMMON["X-Supabase-Api-Version"]);
  response.headers.set("Cache-Control", "no-store");
  return response;
}

function toResponse({ status, body, text, headers }: Reply): Response {
  const isJson = text === undefined && body !== undefined;
  const own = isJson ? OF_JSON : COMMON;
  const content = isJson ? JSON.stringify(body) : (text ?? null);
  const init = {
    status: status ?? (content === null ? 204 : 200),
    headers: headers === undefined ? own : { ...own, ...headers },
  };
  return new Response(content, init);
}
