/** Bus inside one process: a single server, or several simulated ones that share the value. */
import type { Bus, BusMessage } from "../../core/ports/bus.ts";
import type { Logger } from "../../core/ports/log.ts";
import { PerTenant } from "../per-tenant.ts";
import { checkMessage } from "./bus-rules.ts";
import { deliver, type Subscriber } from "./subscriber.ts";

export function createMemoryBus(log: Logger): Bus {
  const topicsOf = new PerTenant(() => new Map<string, Set<Subscriber>>());
  return {
    async publish(tenant, topic, payload) {
      checkMessage(topic, payload);
      const message: BusMessage = { topic, payload };
      // Later than the publisher's own step, as over a network; a microtask keeps the order.
      queueMicrotask(() => deliver(log, topicsOf.of(tenant).get(topic), message));
    },
    async subscribe(tenant, topic, onMessage, onGap) {
      checkMessage(topic, "");
      const topics = topicsOf.of(tenant);
      const subscribers = topics.get(topic) ?? new Set();
      topics.set(topic, subscribers);
      const subscriber: Subscriber = { onMessage, onGap: onGap ?? null };
      subscribers.add(subscriber);
      return async () => {
        subscribers.delete(subscriber);
        if (subscribers.size === 0 && topics.get(topic) === subscribers) topics.delete(topic);
      };
    },
  };
}
