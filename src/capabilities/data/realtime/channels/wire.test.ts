import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { readFrame, writeBroadcast, writeFrame, writeReply } from "./wire.ts";

const bytes = (...parts: (number | string)[]) =>
  new Uint8Array(
    Buffer.concat(parts.map((p) => (typeof p === "number" ? Buffer.of(p) : Buffer.from(p)))),
  );

describe("frames that clients send", () => {
  test("an array of version 2.0.0", () => {
    const text = '["1","2","realtime:room","phx_join",{"config":{}}]';
    expect(readFrame(2, text)).toEqual({
      kind: "json",
      joinRef: "1",
      ref: "2",
      topic: "realtime:room",
      event: "phx_join",
      payload: { config: {} },
    });
  });

  test("an object of version 1.0.0, without a join_ref", () => {
    const text = '{"topic":"phoenix","event":"heartbeat","payload":{},"ref":"7"}';
    expect(readFrame(1, text)).toMatchObject({ joinRef: null, ref: "7", event: "heartbeat" });
  });

  test("a broadcast as bytes, JSON and binary", () => {
    const topic = "realtime:ü";
    const head = [3, 1, 2, Buffer.byteLength(topic), 3];
    const json = bytes(...head, 16, 1, "1", "12", topic, "evt", '{"persist":true}', '{"a":1}');
    expect(readFrame(2, json)).toEqual({
      kind: "broadcast",
      joinRef: "1",
      ref: "12",
      topic,
      event: "broadcast",
      broadcast: {
        event: "evt",
        encoding: "json",
        bytes: bytes('{"a":1}'),
        metadata: { persist: true },
      },
    });
    const binary = bytes(...head, 0, 0, "1", "12", topic, "evt", 255, 0);
    expect(readFrame(2, binary)).toMatchObject({
      broadcast: { encoding: "binary", bytes: bytes(255, 0), metadata: {} },
    });
  });

  test("a push as bytes is understood as far as its address", () => {
    expect(readFrame(2, bytes(0, 1, 1, 10, 1, "1", "2", "realtime:a", "x", 1, 2))).toMatchObject({
      kind: "binary",
      topic: "realtime:a",
      event: "x",
    });
  });

  test.each([
    ["no JSON", 2, "hello"],
    ["an object where an array is due", 2, "{}"],
    ["an array where an object is due", 1, "[]"],
    ["an array that is too short", 2, '["1","2","t","e"]'],
    ["a payload that is a list", 2, '["1","2","t","e",[]]'],
    ["a payload that is a number", 2, '["1","2","t","e",1]'],
    ["a topic that is a number", 2, '["1","2",3,"e",{}]'],
    ["an empty topic", 2, '["1","2","","e",{}]'],
    ["a topic of 256 bytes", 2, `["1","2","${"t".repeat(256)}","e",{}]`],
    ["a topic of 255 characters and more bytes", 2, `["1","2","${"ü".repeat(200)}","e",{}]`],
    ["a topic with NUL", 2, '["1","2","a\\u0000b","e",{}]'],
    ["a topic with half a surrogate", 2, '["1","2","\\ud800","e",{}]'],
    ["a ref that is an object", 2, '["1",{},"t","e",{}]'],
    ["a ref that is too long", 2, `["1","${"1".repeat(65)}","t","e",{}]`],
    ["JSON that is 500,000 deep", 2, "[".repeat(500_000)],
    ["a payload that is 400,000 deep", 2, `["1","2","t","e",${'{"a":'.repeat(400_000)}`],
  ] as const)("%s is none", (_what, version, text) => {
    expect(readFrame(version, text)).toBeNull();
  });

  test.each([
    ["nothing", bytes()],
    ["an unknown kind", bytes(9, 1, 1, 1)],
    ["a reply", bytes(1, 0, 0, 1, 2, "t", "ok")],
    ["a header that is cut off", bytes(3, 1, 1)],
    ["lengths past the end", bytes(3, 1, 1, 200, 1, 0, 1, "abc")],
    ["a topic that is no UTF-8", bytes(3, 0, 0, 2, 1, 0, 1, 0xc3, 0x28, "e", "{}")],
    ["metadata that is no JSON", bytes(3, 0, 0, 1, 1, 1, 1, "t", "e", "{", "{}")],
    ["metadata that is a list", bytes(3, 0, 0, 1, 1, 2, 1, "t", "e", "[]", "{}")],
    ["an unknown encoding", bytes(3, 0, 0, 1, 1, 0, 7, "t", "e", "{}")],
    ["no topic", bytes(3, 0, 0, 0, 1, 0, 1, "e", "{}")],
  ])("as bytes: %s is none", (_what, data) => {
    expect(readFrame(2, data)).toBeNull();
  });

  test("bytes are no frame of version 1.0.0", () => {
    expect(readFrame(1, bytes(3, 0, 0, 1, 1, 0, 1, "t", "e", "{}"))).toBeNull();
  });

  test("whatever comes is a frame or none", () => {
    const version = fc.constantFrom(1 as const, 2 as const);
    fc.assert(
      fc.property(version, fc.uint8Array({ maxLength: 64 }), (v, data) => {
        readFrame(v, data);
        readFrame(2, Uint8Array.of(3, ...data));
        readFrame(v, Buffer.from(data).toString("latin1"));
      }),
      { numRuns: 2_000 },
    );
    fc.assert(
      fc.property(version, fc.jsonValue(), (v, value) => {
        readFrame(v, JSON.stringify(value));
        readFrame(v, JSON.stringify([value, value, value, value, value]));
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("frames for clients", () => {
  const address = { joinRef: "1", ref: "2", topic: 'realtime:"x"', event: "e" };

  test("a message and a reply", () => {
    expect(JSON.parse(writeFrame(2, address, '{"a":1}'))).toEqual([
      "1",
      "2",
      'realtime:"x"',
      "e",
      { a: 1 },
    ]);
    expect(JSON.parse(writeReply(1, address, "error", '{"reason":"r"}'))).toEqual({
      topic: 'realtime:"x"',
      event: "phx_reply",
      ref: "2",
      payload: { status: "error", response: { reason: "r" } },
    });
  });

  test("a broadcast as bytes", () => {
    const frame = { topic: "t", event: "ev", encoding: "json", metadata: "{}" } as const;
    expect([...(writeBroadcast({ ...frame, bytes: bytes("[1]") }) ?? [])]).toEqual([
      ...bytes(4, 1, 2, 2, 1, "t", "ev", "{}", "[1]"),
    ]);
    expect(writeBroadcast({ ...frame, bytes: bytes(), event: "e".repeat(256) })).toBeNull();
  });
});
