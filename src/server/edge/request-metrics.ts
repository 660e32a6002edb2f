/** Per route count, latency histogram, requests in flight and requests so far. */
import type { Metrics, Traffic } from "../../core/ports/metrics.ts";
import { ByAnswer } from "../../shared/by-answer.ts";

export interface RequestMetrics extends Traffic {
  begin(): void;
  end(): void;
  /** `route` is a pattern, so label sets stay bounded. */
  observe(method: string, route: string, status: number, ms: number): void;
}

/** Seconds; a Pi's slow card and a laptop's cache both fall inside. */
const BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export function createRequestMetrics(metrics: Metrics): RequestMetrics {
  const count = metrics.counter("reactor_http_requests_total", "Requests answered");
  const latency = metrics.histogram(
    "reactor_http_request_seconds",
    "Time from arrival to the head of the answer",
    BUCKETS_S,
  );
  const gauge = metrics.gauge("reactor_http_requests_in_flight", "Requests being answered now");
  const bound = new ByAnswer((method, route, status) => {
    const hit = count.bind({ method, route, status: String(status) });
    const time = latency.bind({ method, route });
    return (ms: number) => {
      hit();
      time(ms / 1000);
    };
  });
  let begun = 0;
  let current = 0;
  metrics.onCollect(() => gauge.set({}, current));
  return {
    begin() {
      begun += 1;
      current += 1;
    },
    end() {
      current -= 1;
    },
    observe: (method, route, status, ms) => bound.of(method, route, status)(ms),
    begun: () => begun,
  };
}
