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

const API_VERSION = { "X-Supabase-Api-Version": "2024-01-01" } as const;

/** Runs `work` for the request and answers with what it returns or throws. */
export async function respond(
  request: Request,
  work: () => Promise<Reply> | Reply,
): Promise<Response> {
  try {
    return toResponse(await work());
  } catch (error) {
    const known = toReactorError(error, contextOf(request).originalPath);
    reportError(request, known);
    const response = errorResponse(known);
    response.headers.set("X-Supabase-Api-Version", API_VERSION["X-Supabase-Api-Version"]);
    response.headers.set("Cache-Control", "no-store");
    return response;
  }
}

function toResponse({ status, body, text, headers }: Reply): Response {
  const all = { ...API_VERSION, "Cache-Control": "no-store", ...headers };
  if (text !== undefined) return new Response(text, { status: status ?? 200, headers: all });
  if (body === undefined) return new Response(null, { status: status ?? 204, headers: all });
  const withType = { "Content-Type": "application/json", ...all };
  return new Response(JSON.stringify(body), { status: status ?? 200, headers: withType });
}
