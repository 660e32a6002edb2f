/** `/fn/v1`: calls of functions. Their management under `/fn/v1/_admin` is in `admin/routes.ts`. */
import { Elysia } from "elysia";
import { contextOf } from "../../core/context.ts";
import { base } from "../../core/http.ts";
import { adminRoutes } from "./admin/routes.ts";
import { invokeFunction } from "./invoke-function.ts";
import type { FunctionsParts } from "./parts.ts";

const TAGS = ["Functions"];
const SECURITY = [{ apikey: [] }, { bearer: [] }];

const failures = (statuses: Record<number, string>) =>
  Object.fromEntries(
    Object.entries(statuses).map(([status, description]) => [status, { description }]),
  );

const INVOKE = {
  tags: TAGS,
  security: SECURITY,
  responses: {
    200: { description: "What the function answered, whatever its status" },
    ...failures({
      400: "A WebSocket handshake or an Idempotency-Key that is none",
      401: "No credential, or a bad one",
      403: "The credential's scopes or a policy do not allow it",
      404: "No such function, or no such export",
      405: "A WASM function is called by POST",
      408: "The request body did not arrive within the deadline",
      409: "A request with this Idempotency-Key is being answered",
      413: "The body is larger than the function's body_in limit",
      422: "This Idempotency-Key was used for another request",
      429: "The function has as many calls as it may; see Retry-After",
      499: "The client went away",
      500: "The function threw, or the plug-in reported an error",
      502: "The function's process ended during the call",
      503: "No process could be started",
      504: "The function did not answer within its deadline",
    }),
  },
};

export function functionsRoutes(parts: FunctionsParts) {
  return new Elysia({ name: "functions" })
    .use(base())
    .use(adminRoutes(parts))
    .all("/fn/v1/:name", ({ request }) => invokeFunction(parts, contextOf(request), request), {
      parse: "none",
      detail: {
        ...INVOKE,
        summary: "Call a function",
        description:
          "Any method for a TypeScript function. A WASM function: POST, the request body is the input, the answer's body the output.",
      },
    })
    .all("/fn/v1/:name/*", ({ request }) => invokeFunction(parts, contextOf(request), request), {
      parse: "none",
      detail: {
        ...INVOKE,
        summary: "Call a function below its path",
        description:
          "A TypeScript function sees the path below its name. For a WASM function it names the export.",
      },
    });
}
