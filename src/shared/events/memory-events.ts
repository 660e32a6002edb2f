/** Events in this process, readable at once: for simulations and tests without a database. */
import type { Bus } from "../../core/ports/bus.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { Events, StoredEvent } from "../../core/ports/events.ts";
import { PerTenant } from "../per-tenant.ts";
import { eventJson, readLimit } from "./event-rules.ts";
import { EVENTS_TOPIC } from "./events-topic.ts";

interface Kept {
  readonly event: Omit<StoredEvent, "data">;
  readonly json: string;
  readonly atMs: number;
}

interface Outbox {
  lastId: bigint;
  kept: Kept[];
  readonly cursors: Map<string, bigint>;
}

export function createMemoryEvents(clock: Clock, bus: Bus): Events {
  const outboxes = new PerTenant<Outbox>(() => ({ lastId: 0n, kept: [], cursors: new Map() }));
  return {
    async append(tenant, _tx, events) {
      const rows = events.map((event) => ({ event, json: eventJson(event) }));
      const outbox = outboxes.of(tenant);
      for (const { event, json } of rows) {
        outbox.lastId += 1n;
        const atMs = clock.now();
        const { type, subject } = event;
        const at = new Date(atMs).toISOString();
        outbox.kept.push({ event: { id: outbox.lastId, type, subject, at }, json, atMs });
      }
      if (rows.length > 0) await bus.publish(tenant, EVENTS_TOPIC, "");
    },
    async read(tenant, cursor, limit) {
      const { cursors, kept } = outboxes.of(tenant);
      const position = cursors.get(cursor) ?? 0n;
      cursors.set(cursor, position);
      return kept
        .filter(({ event }) => event.id > position)
        .slice(0, readLimit(limit))
        .map(({ event, json }) => ({ ...event, data: JSON.parse(json) as unknown }));
    },
    async commit(tenant, cursor, id) {
      const { cursors } = outboxes.of(tenant);
      if (id > (cursors.get(cursor) ?? 0n)) cursors.set(cursor, id);
      else cursors.set(cursor, cursors.get(cursor) ?? 0n);
    },
    async forget(tenant, cursor) {
      outboxes.of(tenant).cursors.delete(cursor);
    },
    async trim(tenant, olderThanMs) {
      const outbox = outboxes.of(tenant);
      const slowest = slowestOf(outbox);
      const before = clock.now() - olderThanMs;
      const rest = outbox.kept.filter(({ event, atMs }) => event.id > slowest || atMs >= before);
      const dropped = outbox.kept.length - rest.length;
      outbox.kept = rest;
      return dropped;
    },
  };
}

/** Where the last cursor stands; without cursors nothing is waited for. */
function slowestOf(outbox: Outbox): bigint {
  let slowest = outbox.lastId;
  for (const position of outbox.cursors.values()) {
    if (position < slowest) slowest = position;
  }
  return slowest;
}
