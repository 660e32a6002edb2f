/** Metrics of calls. Labels are names of deployed functions and classes of status: both bounded. */
import type { Metrics } from "../../core/ports/metrics.ts";
import type { Runtimes } from "../../runtime/index.ts";

export interface InvocationMetrics {
  observe(name: string, status: number, cold: boolean, durationMs: number): void;
}

/** Seconds; the finest ones tell a warm call from a hop. */
const BUCKETS_S = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 30];

export function invocationMetrics(metrics: Metrics, runtimes: Runtimes): InvocationMetrics {
  const count = metrics.counter("reactor_function_invocations_total", "Calls of functions");
  const cold = metrics.counter("reactor_function_cold_starts_total", "Calls that began a process");
  const latency = metrics.histogram(
    "reactor_function_seconds",
    "Time from arrival to the head of the function's answer",
    BUCKETS_S,
  );
  const processes = metrics.gauge("reactor_function_processes", "Child processes of functions");
  const memory = metrics.gauge(
    "reactor_function_resident_bytes",
    "Resident memory of all child processes of functions",
  );
  metrics.onCollect(() => {
    const running = runtimes.processes();
    processes.set({}, running.length);
    memory.set(
      {},
      running.reduce((sum, { rssBytes }) => sum + rssBytes, 0),
    );
  });
  return {
    observe(name, status, wasCold, durationMs) {
      count.add({ function: name, status: `${Math.floor(status / 100)}xx` });
      if (wasCold) cold.add({ function: name });
      latency.observe({ function: name }, durationMs / 1000);
    },
  };
}
