import { describe, expect, test } from "bun:test";
import { createSimClock, settle } from "../../../../../test/support/sim-clock.ts";
import { createMetrics } from "../../../../shared/metrics.ts";
import { EventStream } from "./event-stream.ts";
import { changeText, eventText } from "./event-text.ts";
import { SubscriberStreams } from "./subscriber-streams.ts";

const clock = createSimClock();
const bytes = (size: number) => new Uint8Array(size);
const KIB = 1024;

function open(maxWaitingBytes = 100 * KIB) {
  let ends = 0;
  const onEnd = () => {
    ends += 1;
  };
  const stream = new EventStream({ clock, maxWaitingBytes, onEnd });
  return { stream, reader: stream.body.getReader(), ends: () => ends };
}

describe("a stream", () => {
  test("holds back so much for its reader, and not more", async () => {
    const { stream, reader } = open();
    // 16 KiB are the socket's.
    for (let n = 0; n < 11; n++) expect(stream.write(bytes(10 * KIB))).toBe(true);
    expect(stream.write(bytes(10 * KIB))).toBe(false);
    for (let n = 0; n < 4; n++) await reader.read();
    expect(stream.write(bytes(10 * KIB))).toBe(true);
  });

  test("takes one event of any size when nothing waits", () => {
    const { stream } = open();
    expect(stream.write(bytes(500 * KIB))).toBe(true);
    expect(stream.write(bytes(1))).toBe(false);
  });

  test("tells when its reader has caught up", async () => {
    const { stream, reader } = open();
    stream.write(bytes(50 * KIB));
    let isDrained = false;
    const draining = stream.drain().then(() => {
      isDrained = true;
    });
    await settle();
    expect(isDrained).toBe(false);
    await reader.read();
    await draining;
    await stream.drain();
  });

  test("ends with last words for whoever reads them", async () => {
    const { stream, reader, ends } = open();
    stream.write(bytes(50 * KIB));
    stream.end(bytes(3));
    expect(stream.isOpen).toBe(false);
    expect(stream.write(bytes(1))).toBe(true);
    expect((await reader.read()).value).toHaveLength(50 * KIB);
    expect((await reader.read()).value).toHaveLength(3);
    expect((await reader.read()).done).toBe(true);
    expect(ends()).toBe(1);
  });

  test("is cut off when nobody reads them in time", async () => {
    const { stream, reader, ends } = open();
    stream.write(bytes(50 * KIB));
    stream.end(bytes(3));
    await clock.advance(5_000);
    expect(ends()).toBe(1);
    expect(reader.read()).rejects.toThrow("too slow");
    expect(clock.pending()).toBe(0);
  });

  test("that its reader leaves, ends", async () => {
    const { stream, reader, ends } = open();
    await reader.cancel();
    expect([stream.isOpen, ends()]).toEqual([false, 1]);
    stream.end(bytes(3));
    await stream.drain();
    expect(ends()).toBe(1);
  });
});

describe("events", () => {
  test("keep the line breaks of their data", () => {
    expect(eventText("x", '{"a":\n1,\r\n"b":\r2}', "7")).toBe(
      'id: 7\nevent: x\ndata: {"a":\ndata: 1,\ndata: "b":\ndata: 2}\n\n',
    );
    expect(eventText("x", "{}", null)).toBe("event: x\ndata: {}\n\n");
  });

  test("of changes have the row, and the old one where there is one", () => {
    const change = {
      ...{ id: "1", schema: "s", table: "t", columns: [], commitTimestamp: "2026-01-01T00:00:00Z" },
      ...{ type: "DELETE" as const, record: null, oldRecord: '{"id":1}' },
    } as const;
    expect(changeText(change)).toBe(
      'id: 1\nevent: delete\ndata: {"table":"t","schema":"s",' +
        '"commit_timestamp":"2026-01-01T00:00:00Z","new":null,"old":{"id":1}}\n\n',
    );
  });

  test("of silence come after a while, with the position reached", async () => {
    const streams = new SubscriberStreams(clock, createMetrics());
    const { stream, reader } = open();
    const subscription = { update: () => undefined, close: () => undefined, position: () => "x-9" };
    streams.add({ stream, subscription });
    await streams.service.start();
    await clock.advance(10_000);
    stream.write(bytes(1));
    await clock.advance(14_000);
    expect((await reader.read()).value).toHaveLength(1);
    await clock.advance(2_000);
    const text = new TextDecoder().decode((await reader.read()).value);
    expect(text).toMatch(/^id: x-9\nevent: heartbeat\ndata: \{"ts":"2026-01-01T[^"]+Z"\}\n\n$/);
    await streams.service.stop(0);
    expect(clock.pending()).toBe(0);
  });
});
