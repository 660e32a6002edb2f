/** What comes from outside is either read or refused, whatever it is: frames of a stream, results of handlers. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { EventStreamReader } from "../../src/runtime/lambda/event-stream.ts";
import { BadLambdaAnswer, toHttpEvent, toResponse } from "../../src/runtime/lambda/http-event.ts";
import { frame } from "./fake-lambda.ts";

function readAll(bytes: Uint8Array, cuts: readonly number[]): Buffer[] {
  const reader = new EventStreamReader();
  const places = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])];
  places.sort((a, b) => a - b);
  const payloads = places.slice(1).flatMap((end, at) => reader.push(bytes.slice(places[at], end)));
  reader.end();
  return payloads.map(({ payload }) => Buffer.from(payload));
}

test("frames are read wherever the stream is cut", () => {
  const payloads = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 });
  fc.assert(
    fc.property(payloads, fc.array(fc.nat(2000), { maxLength: 8 }), (parts, cuts) => {
      const bytes = Buffer.concat(
        parts.map((part) => frame({ ":event-type": "PayloadChunk" }, part)),
      );
      expect(readAll(bytes, cuts)).toEqual(parts.map((part) => Buffer.from(part)));
    }),
  );
});

test("a frame with any one byte changed is refused, and never read as another", () => {
  const bytes = frame({ ":event-type": "PayloadChunk", ":message-type": "event" }, "payload");
  for (let at = 0; at < bytes.length; at++) {
    for (const by of [1, 0x80, 0xff]) {
      const changed = Uint8Array.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ by;
      expect(() => readAll(changed, [])).toThrow(BadLambdaAnswer);
    }
  }
});

test("a frame whose headers lie about their lengths is refused", () => {
  const lying = frame({ a: "b" }, "");
  for (const [at, value] of [
    [12, 200],
    [14, 99],
    [15, 255],
  ] as const) {
    const changed = Buffer.from(lying);
    changed[at] = value;
    changed.writeUInt32BE(Bun.hash.crc32(changed.subarray(0, -4)), changed.length - 4);
    expect(() => readAll(changed, [])).toThrow(BadLambdaAnswer);
  }
});

test("any JSON is an answer or a BadLambdaAnswer", () => {
  const head = fc.record(
    {
      statusCode: fc.oneof(fc.integer({ min: -1, max: 700 }), fc.jsonValue()),
      headers: fc.oneof(fc.dictionary(fc.string(), fc.jsonValue()), fc.jsonValue()),
      cookies: fc.jsonValue(),
      body: fc.jsonValue(),
      isBase64Encoded: fc.jsonValue(),
    },
    { requiredKeys: [] },
  );
  expect(() => toResponse({ statusCode: { toString: 0 } })).toThrow(BadLambdaAnswer);
  fc.assert(
    fc.property(fc.oneof(head, fc.jsonValue()), (result) => {
      try {
        expect(toResponse(result)).toBeInstanceOf(Response);
      } catch (error) {
        expect(error).toBeInstanceOf(BadLambdaAnswer);
      }
    }),
    { numRuns: 1000 },
  );
});

test("any body comes back from its event", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 100 }),
      fc.constantFrom("text/plain", "application/json", "image/png", "application/problem+json"),
      (body, type) => {
        const headers = { "content-type": type };
        const request = { url: "http://localhost/", method: "POST", headers };
        const event = toHttpEvent({ request, body, name: "f", requestId: "r", now: 0 });
        const encoding = event["isBase64Encoded"] === true ? "base64" : "utf8";
        expect(Buffer.from(event["body"] as string, encoding)).toEqual(Buffer.from(body));
      },
    ),
  );
});
