/** What every Bus adapter must do. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Bus } from "../../src/core/ports/bus.ts";
import { until } from "../support/until.ts";
import { failure } from "./opened.ts";

export interface OpenedBus {
  /** Of one server. */
  readonly bus: Bus;
  /** Of another server of the same installation; may be the same value in memory. */
  readonly other: Bus;
  /** Breaks the connection that subscribers of `bus` depend on; null where there is none. */
  readonly cut: (() => Promise<void>) | null;
  close(): Promise<void>;
}

const a = { id: "tenant-a" };
const b = { id: "tenant-b" };

export function busConformance(name: string, open: () => Promise<OpenedBus>): void {
  describe(`Bus (${name})`, () => {
    let opened: OpenedBus;
    beforeAll(async () => {
      opened = await open();
    });
    afterAll(() => opened?.close());

    const collect = async (bus: Bus, topic: string, tenant = a) => {
      const got: string[] = [];
      const stop = await bus.subscribe(tenant, topic, (m) => got.push(`${m.topic}=${m.payload}`));
      return { got, stop };
    };
    /** Publishes a mark and waits for it: all before it has then arrived. */
    const flush = async (topic: string, got: string[], tenant = a) => {
      const mark = `mark-${got.length}-${topic}`;
      await opened.other.publish(tenant, topic, mark);
      await until("mark", () => got.includes(`${topic}=${mark}`));
      got.splice(got.indexOf(`${topic}=${mark}`), 1);
    };

    test("a message reaches each subscriber of its topic, on every server", async () => {
      const one = await collect(opened.bus, "t1");
      const two = await collect(opened.other, "t1");
      await opened.bus.publish(a, "t1", "hello");
      await until("both", () => one.got.length + two.got.length >= 2);
      await flush("t1", one.got);
      await flush("t1", two.got);
      expect(one.got.filter((m) => m === "t1=hello")).toEqual(["t1=hello"]);
      expect(two.got.filter((m) => m === "t1=hello")).toEqual(["t1=hello"]);
      await one.stop();
      await two.stop();
    });

    test("topics and tenants are kept apart", async () => {
      const mine = await collect(opened.bus, "t2", a);
      const theirs = await collect(opened.bus, "t2", b);
      await opened.bus.publish(b, "t2", "b");
      await opened.bus.publish(a, "t2-other", "x");
      await opened.bus.publish(a, "t2", "a");
      await flush("t2", mine.got, a);
      await flush("t2", theirs.got, b);
      expect(mine.got).toEqual(["t2=a"]);
      expect(theirs.got).toEqual(["t2=b"]);
      await mine.stop();
      await theirs.stop();
    });

    test("messages of one publisher keep their order, also when not awaited", async () => {
      const { got, stop } = await collect(opened.bus, "order");
      const sent = Array.from({ length: 300 }, (_, i) =>
        i % 50 === 0 ? `${i}${"x".repeat(20_000)}` : `${i}`,
      );
      await Promise.all(sent.map((payload) => opened.bus.publish(a, "order", payload)));
      await until("all", () => got.length >= sent.length);
      expect(got).toEqual(sent.map((payload) => `order=${payload}`));
      await stop();
    });

    test("equal messages are each delivered", async () => {
      const { got, stop } = await collect(opened.bus, "same");
      await Promise.all(Array.from({ length: 5 }, () => opened.bus.publish(a, "same", "again")));
      await until("five", () => got.length >= 5);
      expect(got).toEqual(Array(5).fill("same=again"));
      await stop();
    });

    test("any text comes through whole, up to the limit", async () => {
      const { got, stop } = await collect(opened.bus, "text");
      const texts = ["", "a:b.c", "\0 nul", "\ud800 alone", '"quotes" \\', "é".repeat(5_000)];
      texts.push(
        `a${"😀".repeat(5_000)}`,
        `ab${"€".repeat(5_000)}`,
        "x".repeat(1_048_576),
        "😀".repeat(262_144),
      );
      for (const text of texts) await opened.bus.publish(a, "text", text);
      await until("all", () => got.length >= texts.length);
      expect(got.map((m) => m.slice(5))).toEqual(texts);
      expect((await failure(opened.bus.publish(a, "text", "x".repeat(1_048_577)))).code).toBe(
        "bus_message_invalid",
      );
      expect((await failure(opened.bus.publish(a, "", "x"))).code).toBe("bus_message_invalid");
      await stop();
    });

    test("after unsubscribing nothing arrives, and others keep receiving", async () => {
      const gone = await collect(opened.bus, "gone");
      const stays = await collect(opened.bus, "gone");
      await gone.stop();
      await gone.stop();
      await opened.bus.publish(a, "gone", "x");
      await flush("gone", stays.got);
      expect(stays.got).toEqual(["gone=x"]);
      expect(gone.got).toEqual([]);
      await stays.stop();
    });

    test("a topic can be left and joined at the same moment", async () => {
      for (let round = 0; round < 20; round++) {
        const first = await collect(opened.bus, "churn");
        const [, second] = await Promise.all([first.stop(), collect(opened.bus, "churn")]);
        await flush("churn", second.got);
        await second.stop();
      }
    });

    test("a subscriber that throws does not keep the message from others", async () => {
      const stopBad = await opened.bus.subscribe(a, "throws", () => {
        throw new Error("planted");
      });
      const good = await collect(opened.bus, "throws");
      await opened.bus.publish(a, "throws", "x");
      await until("arrival", () => good.got.length === 1);
      await stopBad();
      await good.stop();
    });

    test("after a lost connection subscribers hear of the gap and receive again", async () => {
      if (!opened.cut) return;
      let gaps = 0;
      const got: string[] = [];
      const stop = await opened.bus.subscribe(
        a,
        "cut",
        (m) => got.push(m.payload),
        () => {
          gaps += 1;
        },
      );
      const quiet = await collect(opened.bus, "cut-too");
      await opened.cut();
      await until("gap", () => gaps > 0);
      await opened.other.publish(a, "cut", "after");
      await until("message after the gap", () => got.includes("after"));
      await flush("cut-too", quiet.got);
      await stop();
      await quiet.stop();
    });
  });
}
