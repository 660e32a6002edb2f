/**
 * Metrics of calls. Labels are names of deployed functions, classes of status, declared error codes,
 * and which of two versions it was: all bounded. A version's id is no label, each deploy makes one.
 */
import type { Metrics } from "../../core/ports/metrics.ts";
import type { Runtimes } from "../../runtime/index.ts";
import { LruMap } from "../../shared/lru-map.ts";

export interface MeasuredCall {
  readonly name: string;
  readonly isShare: boolean;
  readonly status: number;
  readonly cold: boolean;
  /** Of an error of ours; null for what the function itself answered. */
  readonly code: string | null;
  readonly durationMs: number;
}

export interface InvocationMetrics {
  observe(call: MeasuredCall): void;
  /** Counts a failure of a call whose answer had begun. */
  failed(name: string, code: string): void;
  transferred(name: string, bytesIn: number, bytesOut: number): void;
}

interface Transferred {
  readonly received: (bytes: number) => void;
  readonly sent: (bytes: number) => void;
}

/** As many as the registry keeps of one metric. */
const SERIES_KEPT = 1_000;

/** Seconds; the finest ones tell a warm call from a hop. */
const BUCKETS_S = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 30];

export function invocationMetrics(metrics: Metrics, runtimes: Runtimes): InvocationMetrics {
  const count = metrics.counter("reactor_function_invocations_total", "Calls of functions");
  const cold = metrics.counter("reactor_function_cold_starts_total", "Calls that began a process");
  const failures = metrics.counter(
    "reactor_function_failures_total",
    "Calls that ended in an error of the server or the runtime, by its code",
  );
  const received = metrics.counter("reactor_function_received_bytes_total", "Bodies of requests");
  const sent = metrics.counter("reactor_function_sent_bytes_total", "Bodies of answers");
  const latency = metrics.histogram(
    "reactor_function_seconds",
    "Time from arrival to the head of the function's answer",
    BUCKETS_S,
  );
  collectProcesses(metrics, runtimes);
  // The series of a call are looked up once: putting their labels together costs more than counting.
  const calls = new LruMap<string, (seconds: number) => void>(SERIES_KEPT);
  const bytes = new LruMap<string, Transferred>(SERIES_KEPT);
  const seriesOf = (name: string, version: string, status: string) => {
    const hit = count.bind({ function: name, version, status });
    const time = latency.bind({ function: name, version });
    return (seconds: number) => {
      hit();
      time(seconds);
    };
  };
  return {
    observe({ name, isShare, status, cold: wasCold, code, durationMs }) {
      const version = isShare ? "share" : "active";
      const family = `${Math.floor(status / 100)}xx`;
      const key = `${name} ${version} ${family}`;
      let series = calls.get(key);
      if (!series) {
        series = seriesOf(name, version, family);
        calls.set(key, series);
      }
      series(durationMs / 1000);
      if (wasCold) cold.add({ function: name });
      if (code !== null) failures.add({ function: name, code });
    },
    failed: (name, code) => failures.add({ function: name, code }),
    transferred(name, bytesIn, bytesOut) {
      let series = bytes.get(name);
      if (!series) {
        const labels = { function: name };
        series = { received: received.bind(labels), sent: sent.bind(labels) };
        bytes.set(name, series);
      }
      if (bytesIn > 0) series.received(bytesIn);
      if (bytesOut > 0) series.sent(bytesOut);
    },
  };
}

function collectProcesses(metrics: Metrics, runtimes: Runtimes): void {
  const processes = metrics.gauge("reactor_function_processes", "Child processes of functions");
  const memory = metrics.gauge(
    "reactor_function_resident_bytes",
    "Memory of their own of all child processes of functions",
  );
  metrics.onCollect(() => {
    const running = runtimes.processes();
    processes.set({}, running.length);
    memory.set(
      {},
      running.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
    );
  });
}
