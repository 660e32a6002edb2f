import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Events } from "../../src/core/ports/events.ts";
import { createMemoryBus } from "../../src/shared/bus/memory-bus.ts";
import { createPostgresBus } from "../../src/shared/bus/postgres-bus.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { createMemoryEvents } from "../../src/shared/events/memory-events.ts";
import { adoptEvents, createPostgresEvents } from "../../src/shared/events/postgres-events.ts";
import { wakeByBus } from "../../src/shared/events/wake-readers.ts";
import { createIds } from "../../src/shared/ids.ts";
import { systemRng } from "../../src/shared/rng.ts";
import { createMemoryLog } from "../support/memory-log.ts";
import { openSharedDatabase, type SharedDatabase } from "../support/shared-database.ts";
import { createSimClock } from "../support/sim-clock.ts";
import { eventsConformance } from "./events.ts";

eventsConformance("memory", async () => {
  const clock = createSimClock();
  const bus = createMemoryBus(createMemoryLog());
  return { events: createMemoryEvents(clock, bus), bus, clock, close: async () => {} };
});

function postgresEvents(shared: SharedDatabase) {
  const ids = createIds(systemClock, systemRng);
  const { databases } = shared;
  const bus = createPostgresBus({ databases, clock: systemClock, ids, log: createMemoryLog() });
  return { bus, events: createPostgresEvents(databases, wakeByBus(bus)) };
}

eventsConformance("postgres", async () => {
  const shared = await openSharedDatabase();
  const advance = async (ms: number) => {
    await shared.sql`update reactor.events set at = at - ${ms}::float8 * interval '1 ms'`;
  };
  return { ...postgresEvents(shared), clock: { advance }, close: shared.close };
});

describe("Events (postgres) among transactions", () => {
  let shared: SharedDatabase;
  let events: Events;
  const t = { id: "t" };
  const event = (subject: string) => ({ type: "test.done", subject, data: null });
  beforeAll(async () => {
    shared = await openSharedDatabase();
    events = postgresEvents(shared).events;
    await events.append(t, null, []);
  });
  afterAll(() => shared?.close());

  /** Reads a cursor to its end and commits, as a consumer does. */
  const drain = async (cursor: string) => {
    const read = await events.read(t, cursor, 1_000);
    const last = read.at(-1);
    if (last) await events.commit(t, cursor, last.id);
    return read.map((e) => e.subject);
  };
  /** A transaction that is stepped by hand. */
  const transaction = async () => {
    const sql = await shared.sql.reserve();
    await sql`begin`;
    return {
      /** Takes the transaction's id, as a first write does. */
      write: () => sql`select pg_current_xact_id()`,
      append: (subject: string) => events.append(t, sql as never, [event(subject)]),
      async end(how: "commit" | "rollback") {
        await sql.unsafe(how);
        sql.release();
      },
    };
  };

  test("nothing is readable before the commit, and nothing after a rollback", async () => {
    const [kept, undone] = [await transaction(), await transaction()];
    await kept.append("kept");
    await undone.append("undone");
    expect(await drain("plain")).toEqual([]);
    await undone.end("rollback");
    await kept.end("commit");
    expect(await drain("plain")).toEqual(["kept"]);
    expect(await drain("plain")).toEqual([]);
  });

  test("an event waits for older transactions that may still write", async () => {
    await drain("older");
    const older = await transaction();
    await older.write();
    const younger = await transaction();
    await younger.append("younger");
    await younger.end("commit");
    expect(await drain("older")).toEqual([]);
    await older.append("older");
    await older.end("commit");
    expect(await drain("older")).toEqual(["older", "younger"]);
  });

  test("a smaller row id that commits later is not lost", async () => {
    await drain("late");
    const first = await transaction();
    await first.write();
    const second = await transaction();
    await second.append("drew the smaller id");
    await first.append("drew the larger id");
    await first.end("commit");
    const before = await drain("late");
    await second.end("commit");
    const after = await drain("late");
    expect([...before, ...after]).toEqual(["drew the larger id", "drew the smaller id"]);
  });

  test("many concurrent writers: a reader sees every committed event once, in one order", async () => {
    await drain("many");
    await drain("control");
    let writing = true;
    const seen: string[] = [];
    const reader = (async () => {
      while (writing) seen.push(...(await drain("many")));
      seen.push(...(await drain("many")));
    })();
    const writer = async (w: number) => {
      for (let i = 0; i < 40; i++) {
        await shared.sql.begin(async (tx) => {
          if (i % 3 === 0) await tx`select pg_current_xact_id()`;
          await events.append(t, tx, [event(`${w}.${i}.a`)]);
          if (i % 2 === 0) await tx`select pg_sleep(0.002)`;
          await events.append(t, tx, [event(`${w}.${i}.b`)]);
        });
      }
    };
    await Promise.all([0, 1, 2, 3].map(writer));
    writing = false;
    await reader;
    expect(new Set(seen).size).toBe(320);
    expect(seen).toHaveLength(320);
    expect(await drain("control")).toEqual(seen);
  });

  test("events of a dump from a cluster with larger transaction ids stay in order", async () => {
    const restored = await openSharedDatabase();
    try {
      const far = "9000000000000";
      await restored.sql`
        insert into reactor.events (turn, tenant, type, subject, data)
        values (${far}, 't', 'test.done', 'old', '1'), (${far}, 't', 'test.done', 'old 2', '2')`;
      await restored.sql`
        insert into reactor.event_cursors (tenant, name, turn, id) values ('t', 'c', ${far}, 1)`;
      await adoptEvents(restored.sql);
      const after = postgresEvents(restored).events;
      await after.append(t, null, [event("new")]);
      expect((await after.read(t, "c", 10)).map((e) => e.subject)).toEqual(["old 2", "new"]);
      await adoptEvents(restored.sql);
      const again = postgresEvents(restored).events;
      await again.append(t, null, [event("newer")]);
      expect((await again.read(t, "c", 10)).map((e) => e.subject)).toEqual([
        "old 2",
        "new",
        "newer",
      ]);
    } finally {
      await restored.close();
    }
  });
});
