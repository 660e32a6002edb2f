/** Messages leave after the answer, in bounded number, and are tried again while it makes sense. */
import { describe, expect, test } from "bun:test";
import { createMemoryLog } from "../../../../test/support/memory-log.ts";
import { createSimClock, settle } from "../../../../test/support/sim-clock.ts";
import { mailErrors } from "../../../shared/mail/errors.ts";
import { createMetrics } from "../../../shared/metrics.ts";
import { createOutbox } from "./outbox.ts";

function open() {
  const [log, clock, metrics] = [createMemoryLog(), createSimClock(), createMetrics()];
  return { log, clock, metrics, outbox: createOutbox({ log, clock, metrics }) };
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
    const { outbox, clock } = open();
    const done: string[] = [];
    outbox.add("one", async () => void done.push("one"));
    outbox.add("two", async () => void done.push("two"));
    await clock.advance(4);
    expect(done).toEqual([]);
    await clock.advance(1);
    expect(done).toEqual(["one", "two"]);
    expect(clock.pending()).toBe(0);
  });

  test("is tried again after 2, 15, 60 and 240 seconds, then given up", async () => {
    const { outbox, clock, log } = open();
    const job = failing(later(), later(), later(), later(), later(), later());
    outbox.add("recovery", job.run);
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
    expect([clock.pending(), outbox.waiting()]).toEqual([0, 0]);
  });

  test("that waits for its next try holds up no other", async () => {
    const { outbox } = open();
    for (let n = 0; n < 10; n += 1) outbox.add("stuck", failing(later()).run);
    await outbox.idle();
    const other = failing();
    outbox.add("other", other.run);
    await outbox.idle();
    expect([other.tries, outbox.waiting()]).toEqual([1, 10]);
  });

  test("that is refused is not tried again", async () => {
    const { outbox, clock, log } = open();
    const job = failing(mailErrors.mail_failed("SMTP 550"));
    outbox.add("recovery", job.run);
    await outbox.idle();
    expect([job.tries, clock.pending()]).toEqual([1, 0]);
    expect(log.lines.map(({ event }) => event)).toEqual(["auth.message_failed"]);
  });

  test("past a thousand is dropped, and that is told", async () => {
    const { outbox, log, metrics } = open();
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    for (let n = 0; n < 1010; n += 1) outbox.add("flood", () => gate);
    await settle();
    expect(log.lines.filter(({ event }) => event === "auth.message_dropped").length).toBe(10);
    release();
    await outbox.idle();
    expect(metrics.render()).toContain('reactor_auth_messages_total{outcome="sent"} 1000');
  });

  test("never has more than four beside it at the server", async () => {
    const { outbox } = open();
    let [now, most] = [0, 0];
    for (let n = 0; n < 50; n += 1) {
      outbox.add("one", async () => {
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

describe("a shutdown", () => {
  test("sends what it can, also what waited, and takes no more", async () => {
    const { outbox, log } = open();
    const job = failing(later());
    outbox.add("delayed", job.run);
    await outbox.idle();
    await outbox.close(1000);
    expect([job.tries, outbox.waiting()]).toEqual([2, 0]);
    outbox.add("late", failing().run);
    expect(log.lines.at(-1)).toMatchObject({
      event: "auth.message_dropped",
      fields: { what: "late" },
    });
  });

  test("does not wait longer than it may", async () => {
    const { outbox, clock, log } = open();
    for (let n = 0; n < 6; n += 1) outbox.add("hanging", () => new Promise(() => {}));
    await settle();
    const closing = outbox.close(1000);
    await clock.advance(1000);
    await closing;
    expect(log.lines.filter(({ event }) => event === "auth.message_dropped")).toHaveLength(2);
  });
});
