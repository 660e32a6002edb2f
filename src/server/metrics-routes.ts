/** `GET /metrics`: Prometheus text, for this machine or the holder of the admin token. */
import { Elysia } from "elysia";
import { base } from "../core/http.ts";
import type { Metrics } from "../core/ports/metrics.ts";
import type { AdminGuard } from "./admin/guard.ts";

const PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8";

export function metricsRoutes(guard: AdminGuard, metrics: Metrics) {
  return new Elysia({ name: "server.metrics" }).use(base()).get(
    "/metrics",
    ({ request }) => {
      guard.checkReader(request);
      return new Response(metrics.render(), { headers: { "Content-Type": PROMETHEUS } });
    },
    {
      detail: {
        summary: "Metrics in Prometheus text format",
        description: "Answers on this machine, elsewhere with the admin token.",
        tags: ["Server"],
        security: [{ admin: [] }],
      },
    },
  );
}
