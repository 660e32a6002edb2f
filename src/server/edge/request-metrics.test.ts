import { expect, test } from "bun:test";
import { createMetrics } from "../../shared/metrics.ts";
import { createRequestMetrics } from "./request-metrics.ts";

test("requests that have ended are no longer in flight, but have begun", () => {
  const metrics = createMetrics();
  const requests = createRequestMetrics(metrics);
  expect(requests.begun()).toBe(0);
  for (let n = 0; n < 3; n += 1) requests.begin();
  requests.end();
  expect(requests.begun()).toBe(3);
  expect(metrics.render()).toMatch(/^reactor_http_requests_in_flight 2$/m);
});
