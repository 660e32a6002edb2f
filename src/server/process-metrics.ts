/** Gauges of the process itself, read at each scrape, and the event loop's lag. */
import type { Clock } from "../core/ports/clock.ts";
import type { Metrics } from "../core/ports/metrics.ts";
import type { Service } from "../core/service.ts";

const LAG_PERIOD_MS = 500;
const LAG_BUCKETS_S = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];

/** Registers memory, CPU and uptime gauges, and the processes that belong to this server. */
export function registerProcessMetrics(
  metrics: Metrics,
  clock: Clock,
  processes: () => readonly { readonly kind: string; readonly count: number }[],
): void {
  const started = clock.monotonic();
  const memory = metrics.gauge("reactor_process_resident_bytes", "Resident memory of the server");
  const cpu = metrics.gauge("reactor_process_cpu_seconds", "CPU time used by the server");
  const uptime = metrics.gauge("reactor_process_uptime_seconds", "Time since the server started");
  const children = metrics.gauge(
    "reactor_processes",
    "The server and its PostgreSQL; those of functions are reactor_function_processes",
  );
  metrics.onCollect(() => {
    const { user, system } = process.cpuUsage();
    memory.set({}, process.memoryUsage.rss());
    cpu.set({ mode: "user" }, user / 1e6);
    cpu.set({ mode: "system" }, system / 1e6);
    uptime.set({}, (clock.monotonic() - started) / 1000);
    for (const { kind, count } of processes()) children.set({ kind }, count);
  });
}

/** Measures how late a timer fires: what every request waits in addition. */
export function eventLoopLagService(metrics: Metrics, clock: Clock): Service {
  const lag = metrics.histogram(
    "reactor_event_loop_lag_seconds",
    "Delay of a timer",
    LAG_BUCKETS_S,
  );
  let cancel: (() => void) | undefined;
  return {
    name: "server.event_loop_lag",
    scope: "process",
    start() {
      if (cancel) return Promise.resolve();
      let due = clock.monotonic() + LAG_PERIOD_MS;
      cancel = clock.every(LAG_PERIOD_MS, () => {
        const now = clock.monotonic();
        lag.observe({}, Math.max(0, now - due) / 1000);
        due = now + LAG_PERIOD_MS;
      });
      return Promise.resolve();
    },
    stop() {
      cancel?.();
      cancel = undefined;
      return Promise.resolve();
    },
  };
}
