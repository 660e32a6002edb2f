import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { MessageReader } from "./message-reader.ts";

interface Message {
  readonly type: number;
  readonly body: Uint8Array;
}

const message = fc.record({
  type: fc.integer({ min: 0, max: 255 }),
  body: fc.uint8Array({ maxLength: 300 }),
});

function encode(messages: readonly Message[]): Buffer {
  return Buffer.concat(
    messages.map(({ type, body }) => {
      const head = Buffer.alloc(5);
      head[0] = type;
      head.writeInt32BE(body.length + 4, 1);
      return Buffer.concat([head, body]);
    }),
  );
}

function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const edges = [...places.map((place) => place % (bytes.length + 1)), 0, bytes.length];
  edges.sort((left, right) => left - right);
  // Copies: each chunk of a socket is memory of its own.
  return edges.slice(1).map((edge, at) => Buffer.from(bytes.subarray(edges[at], edge)));
}

describe("the message reader", () => {
  test("finds the same messages wherever the stream is cut", () => {
    fc.assert(
      fc.property(fc.array(message), fc.array(fc.nat(), { maxLength: 40 }), (messages, places) => {
        const found: { type: number; body: Uint8Array }[] = [];
        const reader = new MessageReader((type, data, start, end) =>
          found.push({ type, body: new Uint8Array(data.subarray(start, end)) }),
        );
        for (const chunk of cutAt(encode(messages), places)) reader.push(chunk);
        expect(found).toEqual(messages);
        expect(reader.heldBytes).toBe(0);
      }),
      { numRuns: 500 },
    );
  });

  test("reads a stream that comes one byte at a time", () => {
    const messages = [
      { type: 0x44, body: new Uint8Array(1000).fill(7) },
      { type: 0x5a, body: Uint8Array.of(0x49) },
    ];
    let count = 0;
    const reader = new MessageReader(() => {
      count += 1;
    });
    for (const byte of encode(messages)) reader.push(Buffer.of(byte));
    expect(count).toBe(2);
  });

  test("refuses a length that no message has", () => {
    for (const length of [-1, 0, 3, 0x7fffffff]) {
      const bytes = Buffer.alloc(5);
      bytes.writeInt32BE(length, 1);
      expect(() => new MessageReader(() => undefined).push(bytes)).toThrow("unexpected protocol");
    }
  });
});
