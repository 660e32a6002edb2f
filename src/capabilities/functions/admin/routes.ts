/** `/fn/v1/_admin`: functions managed over HTTP, for the secret key alone. */
import { Elysia, t } from "elysia";
import { readJsonObject } from "../../../core/body.ts";
import { contextOf } from "../../../core/context.ts";
import { coreErrors } from "../../../core/errors.ts";
import { base } from "../../../core/http.ts";
import { listFunctions, listVersions, showFunction } from "../describe-functions.ts";
import { listInvocations } from "../list-invocations.ts";
import type { FunctionsParts } from "../parts.ts";
import { promoteVersion } from "../promote-version.ts";
import { followLogs, readLogs } from "../read-logs.ts";
import { removeFunction } from "../remove-function.ts";
import { requireServiceRole } from "../require-service-role.ts";
import { rollBack } from "../roll-back.ts";
import { changeVariables, listVariables, ownerOf } from "../variables.ts";

const TAGS = ["Functions"];
const SECURITY = [{ apikey: [] }, { bearer: [] }];

/** Elysia's own enumeration makes the first one the default. */
const oneOf = <const T extends string>(values: readonly T[], options: object = {}) =>
  t.Union(
    values.map((value) => t.Literal(value)),
    options,
  );

/** The title is how a refusal knows the parameter's name. */
const LIMIT = t.Optional(t.Integer({ title: "limit", minimum: 1, maximum: 1000, default: 100 }));
/** Postgres has no NUL. */
const sought = (maxLength: number, description: string) =>
  t.Optional(t.String({ pattern: "^[^\\u0000]*$", maxLength, description }));

const NAME = t.Object({ name: t.String() });
const PAGE = t.Object({
  after: t.Optional(t.String({ maxLength: 64, description: "Name after which the page begins" })),
  limit: LIMIT,
});
const LOGS = t.Object({
  since: t.Optional(t.String({ maxLength: 64, description: "Id of a line, or an ISO 8601 time" })),
  limit: LIMIT,
  level: t.Optional(oneOf(["debug", "info", "warn", "error"], { description: "Least level" })),
  request_id: sought(200, "Lines of one request"),
  follow: t.Optional(
    oneOf(["1", "0", "true", "false"], { description: "`1`: server-sent events, without end" }),
  ),
});
const INVOCATIONS = t.Object({
  before: t.Optional(
    t.String({ pattern: "^[0-9]{1,18}$", description: "`next` of the page before this one" }),
  ),
  limit: LIMIT,
  failed: t.Optional(oneOf(["1", "0"], { description: "`1`: only calls that failed" })),
  version: sought(64, "A version or its beginning"),
  request_id: sought(200, "Calls of one request"),
});
const STRICT = { additionalProperties: false };
const VERSION = t.Optional(t.Union([t.String({ maxLength: 64 }), t.Null()]));
const ROLLBACK = t.Object({ version: VERSION }, STRICT);
const PROMOTE = t.Object(
  {
    version: VERSION,
    percent: t.Optional(
      t.Number({
        minimum: 0,
        maximum: 100,
        default: 100,
        description:
          "Part of the calls that go to it, to two decimals; 100: all of them, 0: the share ends",
      }),
    ),
    by: t.Optional(
      oneOf(["request", "caller"], {
        description: "What decides: each request, or who calls, so that a caller stays where it is",
      }),
    ),
  },
  STRICT,
);
const VARIABLES = t.Record(t.String(), t.Union([t.String(), t.Null()]), {
  description: "Names with their new value; null removes",
});
const SMALL_BODY_MAX = 4096;
/** A hundred secrets of 64 KiB, as JSON that escapes a part of them. */
const VARIABLES_BODY_MAX = 16 * 1_048_576;

const failures = (statuses: Record<number, string>) =>
  Object.fromEntries(
    Object.entries(statuses).map(([status, description]) => [status, { description }]),
  );

const ADMIN = {
  tags: TAGS,
  security: SECURITY,
  responses: {
    200: { description: "Done" },
    ...failures({ 401: "No credential, or a bad one", 403: "Not the secret key", 404: "Unknown" }),
  },
};

const CHANGE = {
  ...ADMIN,
  responses: { ...ADMIN.responses, ...failures({ 400: "A body that is not as described" }) },
};
const MOVE = {
  ...CHANGE,
  responses: {
    ...CHANGE.responses,
    ...failures({ 409: "No such step: there is no other version, or more than one is meant" }),
  },
};
const SET = {
  ...CHANGE,
  responses: {
    ...CHANGE.responses,
    ...failures({ 422: "A name or a value that cannot be; nothing was changed" }),
  },
};
const { 200: _done, ...REFUSALS } = ADMIN.responses;
const REMOVE = { ...ADMIN, responses: { 204: { description: "Deleted" }, ...REFUSALS } };

/** Who asks is known before any of the body is read. */
const bodyUpTo =
  (limitBytes: number) =>
  async ({ request }: { request: Request }) => {
    await requireServiceRole(contextOf(request), request.headers);
    return readJsonObject(request, limitBytes);
  };
const small = bodyUpTo(SMALL_BODY_MAX);

/** Everything declared on it is for the secret key. */
const guarded = (name: string) =>
  // Not normalised: what is not known is refused, not left out.
  new Elysia({ name, normalize: false })
    .use(base())
    .onBeforeHandle({ as: "local" }, async ({ request }) =>
      requireServiceRole(contextOf(request), request.headers),
    );

export function adminRoutes(parts: FunctionsParts) {
  return guarded("functions.admin")
    .use(lookRoutes(parts))
    .use(changeRoutes(parts))
    .use(variableRoutes(parts))
    .all("/fn/v1/_admin/*", ({ request }) => {
      throw coreErrors.not_found(contextOf(request).originalPath);
    });
}

function lookRoutes(parts: FunctionsParts) {
  return guarded("functions.admin.look")
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
        const isFollowing = query.follow === "1" || query.follow === "true";
        // HEAD is answered by the GET, whose stream would be read to its end to know its length.
        if (isFollowing && request.method !== "HEAD") {
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
    .get(
      "/fn/v1/_admin/:name/invocations",
      ({ request, params, query }) =>
        listInvocations(parts, contextOf(request).tenant, params.name, query),
      {
        params: NAME,
        query: INVOCATIONS,
        detail: { ...ADMIN, summary: "List the calls of a function, newest first" },
      },
    );
}

function changeRoutes(parts: FunctionsParts) {
  return guarded("functions.admin.change")
    .post(
      "/fn/v1/_admin/:name/rollback",
      ({ request, params, body }) =>
        rollBack(parts, contextOf(request).tenant, params.name, body.version ?? null),
      {
        params: NAME,
        body: ROLLBACK,
        parse: small,
        detail: {
          ...MOVE,
          summary: "Go back to an earlier version",
          description:
            "Without a version: one step back, or, while two versions share the calls, the end of that. A version may be cut to 8 characters.",
        },
      },
    )
    .post(
      "/fn/v1/_admin/:name/promote",
      ({ request, params, body }) =>
        promoteVersion(parts, contextOf(request).tenant, params.name, {
          version: body.version ?? null,
          percent: checkedPercent(body.percent ?? 100),
          by: body.by ?? null,
        }),
      {
        params: NAME,
        body: PROMOTE,
        parse: small,
        detail: {
          ...MOVE,
          summary: "Give a version calls: a part of them, or all",
          description:
            "Without a version: the one that has a part of the calls, else the last one deployed.",
        },
      },
    )
    .delete(
      "/fn/v1/_admin/:name",
      async ({ request, params, set }) => {
        await removeFunction(parts, contextOf(request).tenant, params.name);
        set.status = 204;
      },
      { params: NAME, detail: { ...REMOVE, summary: "Delete a function" } },
    );
}

/** Rounded, 99.999 would give all calls and 0.004 end the share. @throws bad_request */
function checkedPercent(percent: number): number {
  const rounded = Math.round(percent * 100) / 100;
  // What arithmetic leaves behind, as of 0.1 + 0.2, is no third decimal.
  if (Math.abs(percent - rounded) > 1e-9) {
    throw coreErrors.bad_request("percent has at most two decimals");
  }
  return rounded;
}

/** `env` and `secrets` of a function, or of all of them under the name `_shared`. */
function variableRoutes(parts: FunctionsParts) {
  const routes = guarded("functions.admin.variables");
  for (const [path, kind] of [
    ["env", "env"],
    ["secrets", "secret"],
  ] as const) {
    routes
      .get(
        `/fn/v1/_admin/:name/${path}`,
        async ({ request, params }) => {
          const owner = ownerOf(params.name);
          return { [path]: await listVariables(parts, contextOf(request).tenant, owner, kind) };
        },
        { params: NAME, detail: { ...ADMIN, summary: `Names of ${path}; values are never told` } },
      )
      .patch(
        `/fn/v1/_admin/:name/${path}`,
        async ({ request, params, body }) => {
          const { tenant } = contextOf(request);
          const owner = ownerOf(params.name);
          return { [path]: await changeVariables(parts, tenant, owner, kind, body) };
        },
        {
          params: NAME,
          body: VARIABLES,
          parse: bodyUpTo(VARIABLES_BODY_MAX),
          detail: { ...SET, summary: `Set and remove ${path}, without a deploy` },
        },
      );
  }
  return routes;
}
