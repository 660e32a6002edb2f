/** From an operation to an answer of an OAuth endpoint: never cached, errors in RFC 6749's form. */
import { contextOf } from "../../../core/context.ts";
import { reportError, toReactorError } from "../../../core/http.ts";
import type { Reply } from "../http/respond.ts";
import { oauthErrorOf } from "./errors.ts";

/** RFC 6749 §5.1. */
const NO_STORE = { "Cache-Control": "no-store", Pragma: "no-cache" } as const;

export async function respondOAuth(
  request: Request,
  work: () => Promise<Reply> | Reply,
): Promise<Response> {
  try {
    const { status, body, headers } = await work();
    if (body === undefined) {
      return new Response(null, { status: status ?? 200, headers: { ...NO_STORE, ...headers } });
    }
    return json(status ?? 200, body, { ...NO_STORE, ...headers });
  } catch (error) {
    const known = toReactorError(error, contextOf(request).originalPath);
    reportError(request, known);
    const body = {
      error: oauthErrorOf(known.code, known.status),
      error_description:
        known.details === null ? known.message : `${known.message}: ${known.details}`,
    };
    return json(known.status, body, { ...NO_STORE, ...known.headers });
  }
}

function json(status: number, body: unknown, headers: Readonly<Record<string, string>>): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { "Content-Type": "application/json", ...headers },
  });
}
