/** Messages leave after the answer, in bounded number, and are tried again while it makes sense. */
import { describe, expect, test } from "bun:test";
import { createMemoryLog } from "../../../../test/support/memory-log.ts";
import { createSimClock, settle } from "../../../../test/support/sim-clock.ts";
import { DEFAULT_TENANT } from "../../../core/tenant.ts";
import { mailErrors } from "../../../shared/mail/errors.ts";
import { createMetrics } from "../../../shared/metrics.ts";
import { createOutbox } from "./outbox.ts";
import type { OutgoingRow, OutgoingStore } from "./outgoing-store.ts";

type Job = () => Promise<void>;
type Kept = OutgoingRow & { readonly due_at: Date };

/** Servers on one table. */
function open() {
  const [log, clock, metrics] = [createMemoryLog(), createSimClock(), createMetrics()];
  const rows = new Map<string, Kept>();
  const jobs = new Map<string, Job>();
  const store: OutgoingStore = {
    async insert(all) {
      for (const row of all) rows.set(row.id, { ...row, tries: 0 });
    },
    async claim(now, until) {
      const due = [...rows.values()].filter((row) => row.due_at <= now);
      const [first] = due.sort((a, b) => a.due_at.getTime() - b.due_at.getTime());
      if (!first) return null;
      const claimed = { ...first, tries: first.tries + 1, due_at: until };
      rows.set(first.id, claimed);
      return claimed;
    },
    async postpone(id, dueAt) {
      const row = rows.get(id);
      if (row) rows.set(id, { ...row, due_at: dueAt });
    },
    remove: async (id) => void rows.delete(id),
    count: async () => rows.size,
  };
  const server = () =>
    createOutbox({
      ...{ log, clock, metrics },
      tenants: () => [DEFAULT_TENANT],
      store: () => store,
      async deliver(_, row) {
        await jobs.get(row.id)?.();
        return row.kind !== "nobody";
      },
    });
  const add = async (kind: string, run: Job, lifeMs = 3_600_000) => {
    const id = `${rows.size + jobs.size}`;
    jobs.set(id, run);
    const now = new Date(clock.now());
    const expires_at = new Date(clock.now() + lifeMs);
    await store.insert([{ id, kind, sealed: new Uint8Array(), due_at: now, expires_at }]);
  };
  return { log, clock, metrics, rows, server, add, outbox: server() };
}

/** A job that fails with these errors in turn, then succeeds. */
function failing(...errors: Error[]) {
  const job = { tries: 0, run: async () => {} };
  job.run = async () => {
    const error = errors[job.tries];
    job.tries += 1;
    if (error) throw error;
  };
  return job;
}

const later = () => mailErrors.mail_unavailable("greylisted");

describe("a message", () => {
  test("does not begin before the answer is out", async () => {
    const { outbox, clock, add, rows } = open();
    const done: string[] = [];
    await add("one", async () => void done.push("one"));
    await add("two", async () => void done.push("two"));
    outbox.wake(DEFAULT_TENANT);
    outbox.wake(DEFAULT_TENANT);
    await clock.advance(4);
    expect(done).toEqual([]);
    await clock.advance(1);
    await outbox.idle();
    expect(done).toEqual(["one", "two"]);
    expect([clock.pending(), rows.size]).toEqual([0, 0]);
  });

  test("is tried again after 2, 15, 60 and 240 seconds, then given up", async () => {
    const { outbox, clock, log, add, rows } = open();
    const job = failing(later(), later(), later(), later(), later(), later());
    await add("recovery", job.run);
    await outbox.idle();
    for (const [seconds, tries] of [
      [2, 2],
      [15, 3],
      [60, 4],
      [240, 5],
    ] as const) {
      await clock.advance(seconds * 1000 - 1);
      expect(job.tries).toBe(tries - 1);
      await clock.advance(1);
      expect(job.tries).toBe(tries);
    }
    expect(log.lines.at(-1)?.event).toBe("auth.message_failed");
    expect([clock.pending(), rows.size]).toEqual([0, 0]);
  });

  test("that waits for its next try holds up no other", async () => {
    const { outbox, add, rows } = open();
    for (let n = 0; n < 10; n += 1) await add("stuck", failing(later()).run);
    await outbox.idle();
    const other = failing();
    await add("other", other.run);
    await outbox.idle();
    expect([other.tries, rows.size]).toEqual([1, 10]);
  });

  test("that is refused is not tried again", async () => {
    const { outbox, clock, log, add, rows } = open();
    const job = failing(mailErrors.mail_failed("SMTP 550"));
    await add("recovery", job.run);
    await outbox.idle();
    expect([job.tries, clock.pending(), rows.size]).toEqual([1, 0, 0]);
    expect(log.lines.map(({ event }) => event)).toEqual(["auth.message_failed"]);
  });

  test("that comes too late is not sent, and that is told", async () => {
    const { outbox, clock, log, add, rows } = open();
    const job = failing();
    await add("recovery", job.run, 1000);
    await clock.advance(1000);
    await outbox.idle();
    expect([job.tries, rows.size]).toEqual([0, 0]);
    expect(log.lines.map(({ event }) => event)).toEqual(["auth.message_failed"]);
  });

  test("for nobody is not counted", async () => {
    const { outbox, metrics, add } = open();
    await add("nobody", failing().run);
    await add("recovery", failing().run);
    await outbox.idle();
    expect(metrics.render()).toContain('reactor_auth_messages_total{outcome="sent"} 1');
  });

  test("never has more than four beside it at the server", async () => {
    const { outbox, add } = open();
    let [now, most] = [0, 0];
    for (let n = 0; n < 50; n += 1) {
      await add("one", async () => {
        now += 1;
        most = Math.max(most, now);
        await settle(3);
        now -= 1;
      });
    }
    await outbox.idle();
    expect(most).toBe(4);
  });
});

describe("a server that dies", () => {
  test("while it sends leaves the message to another, once it is taken for dead", async () => {
    const { outbox, server, clock, add, rows } = open();
    const job = { tries: 0 };
    await add("recovery", () => {
      job.tries += 1;
      return job.tries === 1 ? new Promise(() => {}) : Promise.resolve();
    });
    outbox.wake(DEFAULT_TENANT);
    await clock.advance(5);
    const other = server();
    await other.idle();
    expect(job.tries).toBe(1);
    await clock.advance(120_000);
    await other.idle();
    expect([job.tries, rows.size]).toEqual([2, 0]);
  });

  test("before it sends leaves the message to whoever looks", async () => {
    const { server, clock, add, rows } = open();
    const job = failing();
    await add("recovery", job.run);
    const { service } = server();
    await service.start();
    await settle();
    expect([job.tries, rows.size]).toEqual([1, 0]);
    await add("recovery", job.run);
    await clock.advance(30_000);
    expect([job.tries, rows.size]).toEqual([2, 0]);
    await service.stop(0);
    expect(clock.pending()).toBe(0);
  });

  test("of one message again and again sends the others", async () => {
    const { server, clock, log, add, rows } = open();
    await add("poison", () => new Promise(() => {}));
    for (let n = 0; n < 6; n += 1) {
      server().wake(DEFAULT_TENANT);
      await clock.advance(120_000);
    }
    expect([log.lines.at(-1)?.event, rows.size]).toEqual(["auth.message_failed", 0]);
  });
});

describe("a shutdown", () => {
  test("leaves what waits to the next start, and begins nothing", async () => {
    const { outbox, server, clock, add, rows } = open();
    const job = failing(later());
    await add("delayed", job.run);
    await outbox.idle();
    await outbox.close(1000);
    outbox.wake(DEFAULT_TENANT);
    expect([job.tries, clock.pending(), rows.size]).toEqual([1, 0, 1]);
    await clock.advance(2000);
    await server().idle();
    expect([job.tries, rows.size]).toEqual([2, 0]);
  });

  test("does not wait longer than it may", async () => {
    const { outbox, clock, add, rows } = open();
    for (let n = 0; n < 6; n += 1) await add("hanging", () => new Promise(() => {}));
    outbox.wake(DEFAULT_TENANT);
    await clock.advance(5);
    const closing = outbox.close(1000);
    await clock.advance(1000);
    await closing;
    expect(rows.size).toBe(6);
  });
});
