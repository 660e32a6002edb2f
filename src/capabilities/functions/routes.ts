/** `/fn/v1`: calls of functions, and their management under `/fn/v1/_admin` for the secret key. */
import { Elysia, t } from "elysia";
import { readJsonObject } from "../../core/body.ts";
import { contextOf } from "../../core/context.ts";
import { coreErrors } from "../../core/errors.ts";
import { base } from "../../core/http.ts";
import { listFunctions, listVersions, showFunction } from "./describe-functions.ts";
import { invokeFunction } from "./invoke-function.ts";
import type { FunctionsParts } from "./parts.ts";
import { followLogs, readLogs } from "./read-logs.ts";
import { removeFunction } from "./remove-function.ts";
import { requireServiceRole } from "./require-service-role.ts";
import { rollBack } from "./roll-back.ts";

const TAGS = ["Functions"];
const ADMIN_SECURITY = [{ apikey: [] }, { bearer: [] }];

const NAME = t.Object({ name: t.String() });
const PAGE = t.Object({
  after: t.Optional(t.String({ maxLength: 64, description: "Name after which the page begins" })),
  limit: t.Optional(t.Numeric({ minimum: 1, maximum: 1000, default: 100 })),
});
const LOGS = t.Object({
  since: t.Optional(t.String({ maxLength: 64, description: "Id of a line, or an ISO 8601 time" })),
  limit: t.Optional(t.Numeric({ minimum: 1, maximum: 1000, default: 100 })),
  follow: t.Optional(t.String({ description: "`1`: server-sent events, without end" })),
});
const ROLLBACK = t.Object(
  { version: t.Optional(t.Union([t.String({ maxLength: 64 }), t.Null()])) },
  { additionalProperties: false },
);
const ROLLBACK_BYTES_MAX = 4096;

const failures = (statuses: Record<number, string>) =>
  Object.fromEntries(
    Object.entries(statuses).map(([status, description]) => [status, { description }]),
  );

const INVOKE = {
  tags: TAGS,
  security: ADMIN_SECURITY,
  responses: {
    200: { description: "What the function answered, whatever its status" },
    ...failures({
      401: "No credential, or a bad one",
      404: "No such function, or no such export",
      405: "A WASM function is called by POST",
      408: "The request body did not arrive within the deadline",
      413: "The body is larger than the function's body_in limit",
      429: "The function has as many calls as it may; see Retry-After",
      499: "The client went away",
      500: "The function threw, or the plug-in reported an error",
      502: "The function's process ended during the call",
      503: "No process could be started",
      504: "The function did not answer within its deadline",
    }),
  },
};

const ADMIN = {
  tags: TAGS,
  security: ADMIN_SECURITY,
  responses: {
    200: { description: "Done" },
    ...failures({ 401: "No credential, or a bad one", 403: "Not the secret key", 404: "Unknown" }),
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

function adminRoutes(parts: FunctionsParts) {
  return new Elysia({ name: "functions.admin" })
    .use(base())
    .onBeforeHandle({ as: "local" }, async ({ request }) =>
      requireServiceRole(contextOf(request), request.headers),
    )
    .get(
      "/fn/v1/_admin",
      ({ request, query }) => listFunctions(parts, contextOf(request).tenant, query),
      { query: PAGE, detail: { ...ADMIN, summary: "List functions" } },
    )
    .get(
      "/fn/v1/_admin/:name",
      ({ request, params }) => showFunction(parts, contextOf(request).tenant, params.name),
      {
        params: NAME,
        detail: { ...ADMIN, summary: "Show a function, its limits and its history" },
      },
    )
    .get(
      "/fn/v1/_admin/:name/versions",
      ({ request, params }) => listVersions(parts, contextOf(request).tenant, params.name),
      { params: NAME, detail: { ...ADMIN, summary: "List the versions of a function" } },
    )
    .get(
      "/fn/v1/_admin/:name/logs",
      async ({ request, params, query }) => {
        const ctx = contextOf(request);
        const { follow } = query;
        if (follow !== undefined && follow !== "0") {
          return await followLogs(parts, ctx, request, params.name, query);
        }
        return await readLogs(parts, ctx.tenant, params.name, query);
      },
      {
        params: NAME,
        query: LOGS,
        detail: { ...ADMIN, summary: "Read or follow a function's log" },
      },
    )
    .post(
      "/fn/v1/_admin/:name/rollback",
      ({ request, params, body }) =>
        rollBack(parts, contextOf(request).tenant, params.name, body.version ?? null),
      {
        params: NAME,
        body: ROLLBACK,
        parse: ({ request }) => readJsonObject(request, ROLLBACK_BYTES_MAX),
        detail: {
          ...ADMIN,
          summary: "Go back to an earlier version",
          description: "Without a version: one step back. A version may be cut to 8 characters.",
        },
      },
    )
    .delete(
      "/fn/v1/_admin/:name",
      async ({ request, params, set }) => {
        await removeFunction(parts, contextOf(request).tenant, params.name);
        set.status = 204;
      },
      { params: NAME, detail: { ...ADMIN, summary: "Delete a function" } },
    )
    .all("/fn/v1/_admin/*", ({ request }) => {
      throw coreErrors.not_found(contextOf(request).originalPath);
    });
}
