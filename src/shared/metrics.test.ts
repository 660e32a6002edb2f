import { describe, expect, test } from "bun:test";
import { createMetrics } from "./metrics.ts";

describe("metrics", () => {
  test("counters add up by label set", () => {
    const metrics = createMetrics();
    const hits = metrics.counter("reactor_hits_total", "Hits");
    hits.add({ route: "/a" });
    hits.add({ route: "/a" }, 2);
    hits.add({ route: 'b"\\\n' });
    expect(metrics.render()).toBe(
      [
        "# HELP reactor_hits_total Hits",
        "# TYPE reactor_hits_total counter",
        'reactor_hits_total{route="/a"} 3',
        'reactor_hits_total{route="b\\"\\\\\\n"} 1',
        "",
      ].join("\n"),
    );
  });

  test("a histogram's buckets are cumulative and end with all", () => {
    const metrics = createMetrics();
    const seconds = metrics.histogram("reactor_seconds", "Time", [0.1, 1]);
    for (const value of [0.05, 0.1, 0.5, 7]) seconds.observe({}, value);
    expect(metrics.render().split("\n").slice(2, 7)).toEqual([
      'reactor_seconds_bucket{le="0.1"} 2',
      'reactor_seconds_bucket{le="1"} 3',
      'reactor_seconds_bucket{le="+Inf"} 4',
      "reactor_seconds_sum 7.65",
      "reactor_seconds_count 4",
    ]);
  });

  test("gauges are read at each scrape", () => {
    const metrics = createMetrics();
    const size = metrics.gauge("reactor_size", "Size");
    let current = 1;
    metrics.onCollect(() => size.set({}, current));
    metrics.render();
    current = 2;
    expect(metrics.render()).toContain("reactor_size 2\n");
  });

  test("too many label sets are folded into one, and none is lost from the sum", () => {
    const metrics = createMetrics();
    const hits = metrics.counter("reactor_hits_total", "Hits");
    for (let n = 0; n < 1_500; n += 1) hits.add({ n: String(n) });
    const lines = metrics
      .render()
      .split("\n")
      .filter((line) => line.startsWith("reactor_hits"));
    expect(lines).toHaveLength(1_001);
    expect(lines).toContain('reactor_hits_total{overflow="true"} 500');
  });
});

test("infinite and undefined values are written as the format has them", () => {
  const metrics = createMetrics();
  const gauge = metrics.gauge("reactor_odd", "Odd");
  gauge.set({ at: "high" }, Number.POSITIVE_INFINITY);
  gauge.set({ at: "low" }, Number.NEGATIVE_INFINITY);
  gauge.set({ at: "none" }, Number.NaN);
  const text = metrics.render();
  expect(text).toContain('reactor_odd{at="high"} +Inf\n');
  expect(text).toContain('reactor_odd{at="low"} -Inf\n');
  expect(text).toContain('reactor_odd{at="none"} NaN\n');
});
