/** `GET /health`: every mounted part under its own name; 503 when any has failed. */
import { Elysia, t } from "elysia";
import type { Health } from "../core/health.ts";
import { base } from "../core/http.ts";
import type { Clock } from "../core/ports/clock.ts";

/** A part must answer within this, milliseconds. */
const PART_TIMEOUT_MS = 2_000;

export type HealthProbe = (signal: AbortSignal) => Promise<Health>;

export interface HealthReport {
  readonly status: Health["status"];
  readonly version: string;
  readonly parts: Readonly<Record<string, Health>>;
}

async function probe(clock: Clock, check: HealthProbe): Promise<Health> {
  const stop = new AbortController();
  const cancel = clock.after(PART_TIMEOUT_MS, () => stop.abort(new Error("no answer in time")));
  const late = new Promise<never>((_, reject) => {
    stop.signal.addEventListener("abort", () => reject(stop.signal.reason as Error));
  });
  try {
    return await Promise.race([check(stop.signal), late]);
  } catch {
    return { status: "failed", details: { reason: stop.signal.aborted ? "timeout" : "error" } };
  } finally {
    cancel();
  }
}

/** Asks every part at once. */
export async function readHealth(
  clock: Clock,
  version: string,
  probes: Readonly<Record<string, HealthProbe>>,
): Promise<HealthReport> {
  const entries = await Promise.all(
    Object.entries(probes).map(async ([name, check]) => [name, await probe(clock, check)] as const),
  );
  const states = entries.map(([, health]) => health.status);
  const worst = states.includes("failed")
    ? "failed"
    : states.includes("degraded")
      ? "degraded"
      : "ok";
  return { status: worst, version, parts: Object.fromEntries(entries) };
}

const PART = t.Object({
  status: t.UnionEnum(["ok", "degraded", "failed"]),
  details: t.Optional(t.Record(t.String(), t.Unknown())),
});

export function healthRoutes(read: () => Promise<HealthReport>) {
  return new Elysia({ name: "server.health" }).use(base()).get(
    "/health",
    async ({ set }) => {
      const report = await read();
      set.headers["cache-control"] = "no-store";
      if (report.status === "failed") set.status = 503;
      return report as never;
    },
    {
      detail: {
        summary: "Composite health check",
        description: "Every mounted part under its own name; 503 when any part has failed.",
        tags: ["Server"],
        responses: {
          200: {
            description: "All parts work",
            content: {
              "application/json": {
                schema: t.Object({
                  status: t.String(),
                  version: t.String(),
                  parts: t.Record(t.String(), PART),
                }) as never,
              },
            },
          },
          503: { description: "At least one part has failed" },
        },
      },
    },
  );
}
