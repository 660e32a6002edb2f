/** Starts services in order and stops them in reverse, sharing one budget. */
import type { Clock } from "../core/ports/clock.ts";
import type { Logger } from "../core/ports/log.ts";
import type { Service } from "../core/service.ts";
import { endedWithin } from "./within.ts";

export interface ServiceRunner {
  /** Starts all; when one fails, stops those that run and rethrows. */
  start(): Promise<void>;
  /** Never throws: a service that does not stop is logged. */
  stop(budgetMs: number): Promise<void>;
  readonly names: readonly string[];
}

/** What a service may take beyond its budget before it is left behind. */
const GRACE_MS = 500;

export function createServiceRunner(
  services: readonly Service[],
  clock: Clock,
  log: Logger,
): ServiceRunner {
  const running: Service[] = [];
  const stop = async (budgetMs: number) => {
    const deadline = clock.monotonic() + budgetMs;
    for (let service = running.pop(); service; service = running.pop()) {
      const left = Math.max(100, deadline - clock.monotonic());
      try {
        if (await endedWithin(clock, left + GRACE_MS, service.stop(left))) continue;
        log.error("service.stop_overran", { service: service.name });
      } catch (error) {
        log.error("service.stop_failed", { service: service.name, error });
      }
    }
  };
  return {
    names: services.map((service) => service.name),
    stop,
    async start() {
      for (const service of services) {
        try {
          await service.start();
          running.push(service);
        } catch (error) {
          await stop(5_000);
          throw error;
        }
      }
    },
  };
}
