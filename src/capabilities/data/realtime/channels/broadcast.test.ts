import { describe, expect, test } from "bun:test";
import {
  type Broadcast,
  broadcastFromObject,
  broadcastFromPush,
  OutgoingBroadcast,
  packBroadcast,
  sizeOf,
  unpackBroadcast,
} from "./broadcast.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const textOf = (frame: string | Uint8Array | null) =>
  typeof frame === "string" ? frame : frame && new TextDecoder("latin1").decode(frame);

describe("a broadcast", () => {
  const plain = broadcastFromObject({ type: "broadcast", event: "hi", payload: { a: 1 } });

  test("of an object becomes bytes for 2.0.0 and JSON for 1.0.0", () => {
    if (!plain) throw new Error("not read");
    const outgoing = new OutgoingBroadcast("realtime:r", plain);
    expect(textOf(outgoing.frame(2))).toBe('\x04\x0a\x02\x00\x01realtime:rhi{"a":1}');
    expect(JSON.parse(String(outgoing.frame(1)))).toEqual({
      topic: "realtime:r",
      event: "broadcast",
      ref: null,
      payload: { type: "broadcast", event: "hi", payload: { a: 1 } },
    });
    expect(outgoing.frame(2)).toBe(outgoing.frame(2));
  });

  test("of an object that holds more goes out as it came", () => {
    const more = broadcastFromObject({ type: "broadcast", event: "hi", x: 1 });
    if (!more) throw new Error("not read");
    const frame = new OutgoingBroadcast("realtime:r", more).frame(2);
    expect(JSON.parse(String(frame))).toEqual([
      null,
      null,
      "realtime:r",
      "broadcast",
      { type: "broadcast", event: "hi", x: 1 },
    ]);
  });

  test("as bytes cannot be said in 1.0.0", () => {
    const binary = broadcastFromPush({
      event: "b",
      encoding: "binary",
      bytes: Uint8Array.of(0, 255),
      metadata: {},
    });
    if (!binary) throw new Error("not read");
    const outgoing = new OutgoingBroadcast("realtime:r", binary);
    expect(outgoing.frame(1)).toBeNull();
    expect(textOf(outgoing.frame(2))).toBe("\x04\x0a\x01\x00\x00realtime:rb\x00\xff");
  });

  test("that calls itself JSON and is none is none", () => {
    const push = (bytes: Uint8Array) =>
      broadcastFromPush({ event: "b", encoding: "json", bytes, metadata: {} });
    expect(push(utf8("{"))).toBeNull();
    expect(push(Uint8Array.of(0x22, 0xc3, 0x28, 0x22))).toBeNull();
    expect(push(utf8('"ok"'))).not.toBeNull();
    expect(broadcastFromObject({ payload: {} })).toBeNull();
    expect(broadcastFromObject({ event: 1, payload: {} })).toBeNull();
  });

  const kinds: Broadcast[] = [
    { event: 'a"\n', body: { encoding: "json", text: '{"x":"\\n"}' }, meta: null, whole: null },
    {
      event: "b",
      body: { encoding: "binary", bytes: Uint8Array.of(0, 10, 255) },
      meta: { id: "1" },
      whole: null,
    },
    { event: "c", body: { encoding: "json", text: "{}" }, meta: null, whole: '{"event":"c"}' },
  ];

  test.each(kinds)("is the same after its way between servers", (broadcast) => {
    const { head, text } = packBroadcast(broadcast);
    const back = unpackBroadcast(JSON.parse(JSON.stringify(head)), text);
    for (const version of [1, 2] as const) {
      const frame = (b: Broadcast) => textOf(new OutgoingBroadcast("realtime:r", b).frame(version));
      expect(frame(back)).toBe(frame(broadcast));
    }
    expect(sizeOf(back)).toBe(sizeOf(broadcast));
  });
});
