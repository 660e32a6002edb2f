/** What every Events adapter must do. Interleaved transactions are tested with the Postgres adapter. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Bus } from "../../src/core/ports/bus.ts";
import type { Events, NewEvent } from "../../src/core/ports/events.ts";
import { until } from "../support/until.ts";
import { failure, type OpenedClock } from "./opened.ts";

export interface OpenedEvents {
  readonly events: Events;
  /** The bus that carries the wake-up. */
  readonly bus: Bus;
  readonly clock: OpenedClock;
  close(): Promise<void>;
}

const b = { id: "tenant-b" };
const event = (subject: string, data: unknown = null): NewEvent => ({
  type: "test.done",
  subject,
  data,
});

export function eventsConformance(name: string, open: () => Promise<OpenedEvents>): void {
  describe(`Events (${name})`, () => {
    let opened: OpenedEvents;
    let events: Events;
    beforeAll(async () => {
      opened = await open();
      events = opened.events;
    });
    afterAll(() => opened?.close());
    const subjects = async (tenant: { id: string }, cursor: string, limit = 1_000) =>
      (await events.read(tenant, cursor, limit)).map((e) => e.subject);

    test("events come in the order they were appended, with what they carried", async () => {
      const t = { id: "order" };
      const data = { text: 'é😀\\u0000 "q"', list: [1, null, { a: true }], n: 1.5 };
      await events.append(t, null, [event("1", data), event("2"), event("3")]);
      await events.append(t, null, [event("4", "text"), event("5", [])]);
      const read = await events.read(t, "c", 10);
      expect(read.map((e) => e.subject)).toEqual(["1", "2", "3", "4", "5"]);
      expect(read.map((e) => e.data)).toEqual([data, null, null, "text", []]);
      expect(read[0]?.type).toBe("test.done");
      expect(read[0]?.at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      const ids = read.map((e) => e.id);
      expect([...ids].sort((x, y) => (x < y ? -1 : 1))).toEqual(ids);
      expect(new Set(ids).size).toBe(5);
    });

    test("reading moves nothing; committing moves on and never back", async () => {
      const t = { id: "cursor" };
      await events.append(
        t,
        null,
        ["1", "2", "3", "4"].map((s) => event(s)),
      );
      expect(await subjects(t, "c", 2)).toEqual(["1", "2"]);
      expect(await subjects(t, "c", 2)).toEqual(["1", "2"]);
      const [first, second] = await events.read(t, "c", 2);
      await events.commit(t, "c", second?.id ?? 0n);
      expect(await subjects(t, "c")).toEqual(["3", "4"]);
      await events.commit(t, "c", first?.id ?? 0n);
      expect(await subjects(t, "c")).toEqual(["3", "4"]);
      expect(await subjects(t, "another")).toEqual(["1", "2", "3", "4"]);
    });

    test("tenants have their own events and cursors", async () => {
      const t = { id: "apart" };
      await events.append(t, null, [event("mine")]);
      await events.append(b, null, [event("theirs")]);
      expect(await subjects(t, "c")).toEqual(["mine"]);
      const [theirs] = await events.read(b, "c", 1);
      await events.commit(b, "c", theirs?.id ?? 0n);
      expect(await subjects(t, "c")).toEqual(["mine"]);
    });

    test("trim keeps what is young and what any cursor has yet to pass", async () => {
      const t = { id: "trim" };
      await events.append(
        t,
        null,
        ["1", "2", "3"].map((s) => event(s)),
      );
      const read = await events.read(t, "fast", 10);
      await events.read(t, "slow", 10);
      await events.commit(t, "fast", read[2]?.id ?? 0n);
      await events.commit(t, "slow", read[0]?.id ?? 0n);
      expect(await events.trim(t, 60_000)).toBe(0);
      await opened.clock.advance(61_000);
      expect(await events.trim({ id: "trim-other" }, 0)).toBe(0);
      expect(await events.trim(t, 60_000)).toBe(1);
      expect(await subjects(t, "slow")).toEqual(["2", "3"]);
      await events.forget(t, "slow");
      expect(await events.trim(t, 60_000)).toBe(2);
    });

    test("trim keeps everything for a cursor that has read and not committed", async () => {
      const t = { id: "trim-new" };
      await events.append(t, null, [event("1")]);
      await events.read(t, "new", 10);
      await opened.clock.advance(10_000);
      expect(await events.trim(t, 1_000)).toBe(0);
    });

    test("an append wakes readers through the bus", async () => {
      const t = { id: "wake" };
      let woken = 0;
      const stop = await opened.bus.subscribe(t, "events", () => {
        woken += 1;
      });
      await events.append(t, null, [event("1")]);
      await until("wake-up", () => woken > 0);
      await stop();
    });

    test("an event that is not of the form is refused, and all of its batch", async () => {
      const t = { id: "refused" };
      const bad = async (e: NewEvent) =>
        (await failure(events.append(t, null, [event("good"), e]))).code;
      expect(await bad({ type: "nodot", subject: "", data: null })).toBe("event_invalid");
      expect(await bad({ type: "Upper.case", subject: "", data: null })).toBe("event_invalid");
      expect(await bad(event("x".repeat(513)))).toBe("event_invalid");
      expect(await bad(event("\0"))).toBe("event_invalid");
      expect(await bad({ type: "test.done", subject: "x", data: undefined })).toBe("event_invalid");
      expect(await bad(event("x", "\0"))).toBe("event_invalid");
      expect(await bad(event("x", "\ud800"))).toBe("event_invalid");
      expect(await bad(event("x", "x".repeat(262_143)))).toBe("event_invalid");
      expect(await subjects(t, "c")).toEqual([]);
      await events.append(t, null, [event("x".repeat(512), "x".repeat(262_142))]);
      expect(await subjects(t, "c")).toHaveLength(1);
    });
  });
}
