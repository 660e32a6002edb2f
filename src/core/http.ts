/**
 * The base plugin that every capability's routes begin with: it names the matched route for metrics
 * and turns whatever was thrown into the one error body. Everything that is the same for a whole
 * listener (request ids, CORS, access log, path rules) lives at the edge, in `server/edge.ts`.
 */
import { Elysia, type ErrorHandler } from "elysia";
import { contextOf } from "./context.ts";
import { coreErrors, ReactorError } from "./errors.ts";
import { validationText } from "./validation-text.ts";

const JSON_TYPE = "application/json";
/** Statuses that a user's function may choose for its error and that carry no body. */
const BODYLESS: ReadonlySet<number> = new Set([204, 205, 304]);

/**
 * The answer for an error; also used by the edge for what never reached a route. Never kept by a
 * cache: a 404 or 405 may be otherwise (RFC 9110 §15.1), and what is missing today is deployed next.
 */
export function errorResponse(error: ReactorError): Response {
  const body = BODYLESS.has(error.status) ? null : JSON.stringify(error.body());
  const headers = new Headers({ "Cache-Control": "no-store", "Content-Type": JSON_TYPE });
  for (const [name, value] of Object.entries(error.headers)) headers.set(name, value);
  return new Response(body, { status: error.status, headers });
}

/** Maps what Elysia and plain code throw to a `ReactorError`. */
export function toReactorError(error: unknown, path: string): ReactorError {
  if (error instanceof ReactorError) return error;
  const code = (error as { code?: unknown } | null)?.code;
  if (code === "NOT_FOUND") return coreErrors.not_found(path);
  if (code === "PARSE") {
    // What a route's own reading of the body refused: it says why, and whom.
    const { cause } = error as { cause?: unknown };
    if (cause instanceof ReactorError) return cause;
    return coreErrors.bad_request("The request body could not be parsed");
  }
  if (code === "VALIDATION") return coreErrors.validation_failed(validationText(error));
  return coreErrors.internal_error(error);
}

/** Logs what the client is not told. */
export function reportError(request: Request, error: ReactorError): void {
  if (error.status < 500) return;
  contextOf(request).log.error("http.failed", { code: error.code, error: error.cause ?? error });
}

const onError: ErrorHandler = ({ error, request }) => {
  const known = toReactorError(error, contextOf(request).originalPath);
  reportError(request, known);
  return errorResponse(known);
};

/**
 * Start every `routes.ts` with `new Elysia({ name: "<capability>" }).use(base())`.
 * Elysia options matter: `normalize: false` keeps bodies as sent.
 */
export function base() {
  return new Elysia({ name: "reactor.base" })
    .onError({ as: "global" }, onError)
    .onTransform({ as: "global" }, ({ request, route }) => {
      contextOf(request).route = route;
    });
}
