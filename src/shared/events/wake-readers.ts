/**
 * How an append wakes those who read events, by whichever Bus the server uses. NOTIFY can be part of
 * the writer's transaction and so arrives when there is something to read. Another bus cannot know
 * of the commit: there the message is sent at once, and readers that come too early find the event
 * when they poll.
 */
import type { Bus } from "../../core/ports/bus.ts";
import type { PostgresBus } from "../bus/postgres-bus.ts";
import { EVENTS_TOPIC } from "./events-topic.ts";
import type { WakeReaders } from "./postgres-events.ts";

export function wakeByBus(bus: Bus | PostgresBus): WakeReaders {
  return async (tenant, tx) => {
    if (tx && "publishInside" in bus) await bus.publishInside(tenant, tx, EVENTS_TOPIC, "");
    else await bus.publish(tenant, EVENTS_TOPIC, "");
  };
}
