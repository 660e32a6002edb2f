/** The edge on real listeners before a small app: no database, no capability. */
import { type AnyElysia, Elysia } from "elysia";
import { readBody } from "../../src/core/body.ts";
import { contextOf } from "../../src/core/context.ts";
import { coreErrors } from "../../src/core/errors.ts";
import { base } from "../../src/core/http.ts";
import type { AuthClient } from "../../src/core/ports/auth.ts";
import { composeApp, type Gates } from "../../src/server/compose.ts";
import { type CorsConfig, createCors } from "../../src/server/edge/cors.ts";
import { createEdge, type Edge } from "../../src/server/edge/edge.ts";
import { createRequestMetrics } from "../../src/server/edge/request-metrics.ts";
import { createAddressReader } from "../../src/shared/client-address.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { createIds } from "../../src/shared/ids.ts";
import { ACCESS_EVENT, accessFields } from "../../src/shared/log/access-log.ts";
import { createMetrics } from "../../src/shared/metrics.ts";
import { systemRng } from "../../src/shared/rng.ts";
import { singleTenant, type Tenants } from "../../src/shared/tenants.ts";
import { createMemoryLog, type KeptLine, type MemoryLog } from "../support/memory-log.ts";

export interface EdgeBenchOptions {
  readonly plugins?: readonly AnyElysia[];
  readonly gates?: Gates;
  readonly cors?: Partial<CorsConfig>;
  readonly tenants?: Tenants;
  readonly trustedProxies?: readonly string[];
}

export interface EdgeBench {
  readonly edge: Edge;
  readonly log: MemoryLog;
  /** Prometheus text. */
  metrics(): string;
  /** The access log's lines. */
  access(): readonly KeptLine[];
}

const anybody: AuthClient = {
  authenticate: () => ({
    role: "anon",
    userId: null,
    claims: '{"role":"anon"}',
    expiresAt: Infinity,
  }),
};

export function openEdge(options: EdgeBenchOptions = {}): EdgeBench {
  const log = createMemoryLog();
  const metrics = createMetrics();
  const edge = createEdge({
    app: composeApp([sampleRoutes(), ...(options.plugins ?? [])], options.gates),
    auth: anybody,
    clock: systemClock,
    ids: createIds(systemClock, systemRng),
    log,
    access: (entry) => log.info(ACCESS_EVENT, accessFields(entry)),
    cors: createCors({
      origins: ["*"],
      allow_credentials: false,
      max_age_s: 600,
      expose_headers: [],
      ...options.cors,
    }),
    metrics: createRequestMetrics(metrics),
    tenantOf: (host) => (options.tenants ?? singleTenant()).resolve(host),
    addressOf: createAddressReader(options.trustedProxies ?? []),
  });
  return {
    edge,
    log,
    metrics: () => metrics.render(),
    access: () => log.lines.filter(({ event }) => event === "http.request"),
  };
}

/** What the real cause of a failure holds and nobody may be told. */
export const SECRET_CAUSE = "password=hunter2 at /var/lib/secret";

function sampleRoutes() {
  return new Elysia({ name: "sample" })
    .use(base())
    .get("/hello", () => "hello")
    .get("/things/:id", ({ params, request }) => {
      const { path, originalPath, address, peer, origin } = contextOf(request);
      return { id: params.id, path, originalPath, address, peer, origin };
    })
    .get("/data/v1/:table", ({ params, request }) => {
      const { path, originalPath } = contextOf(request);
      return { table: params.table, path, originalPath, search: new URL(request.url).search };
    })
    .post("/data/v1/:table", async ({ request }) => String((await readBody(request, 100)).length), {
      parse: "none",
    })
    .post("/echo", ({ request }) => request.text(), { parse: "none" })
    .put("/things/:id", () => new Response(null, { status: 204 }))
    .get("/boom", () => {
      throw new Error(SECRET_CAUSE);
    })
    .get("/refused", () => {
      throw coreErrors.unavailable("The shop", new Error(SECRET_CAUSE));
    })
    .get("/missing", () => {
      throw coreErrors.not_found("/the/thing");
    });
}
