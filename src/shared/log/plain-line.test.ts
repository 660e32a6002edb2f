/** The line written by hand is the one that `JSON.stringify` would have written, or none. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { isoTime, plainLine } from "./plain-line.ts";

const value = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) }),
  fc.double(),
  fc.integer(),
  fc.boolean(),
  fc.constantFrom(null, undefined, -0),
);
const fields = fc.dictionary(fc.constantFrom("a", "path", "status", "ms", "peer"), value);

test("for any texts and numbers", () => {
  fc.assert(
    fc.property(fc.string(), fields, fields, (event, own, more) => {
      const line = plainLine("t", "info", event, own, more);
      if (line === null) return;
      const defined = Object.entries(more).filter(([, one]) => one !== undefined);
      const expected = { time: "t", level: "info", event, ...own, ...Object.fromEntries(defined) };
      expect(line).toBe(JSON.stringify(expected));
    }),
    { numRuns: 2_000, seed: 3 },
  );
});

test("a request's line is written by hand", () => {
  const request = { request_id: "r", path: '/a"b\n', status: 200, ms: 0.25, ok: true, none: null };
  expect(plainLine("t", "info", "http.request", { capability: "data" }, request)).toBe(
    `{"time":"t","level":"info","event":"http.request","capability":"data","request_id":"r","path":"/a\\"b\\n","status":200,"ms":0.25,"ok":true,"none":null}`,
  );
});

test("what needs care is left to who takes it", () => {
  const refused: Record<string, unknown>[] = [
    { password: "x" },
    { api_key: 1 },
    { level: "mine" },
    { 'a"b': 1 },
    { url: "postgres://me:x@host/db" },
    { text: "x".repeat(2_000) },
    { number: Number.NaN },
    { list: [] },
    { big: 1n },
  ];
  for (const one of refused) expect(plainLine("t", "info", "e", {}, one)).toBeNull();
  expect(plainLine("t", "info", "a://b", {}, {})).toBeNull();
  expect(plainLine("t", "info", "e", { a: 1 }, { a: 2 })).toBeNull();
});

test("times are those of Date", () => {
  for (const ms of [0, 1, 999, 1000, 1_767_323_045_006, 1_767_323_045_007, 1_767_323_046_000, -1]) {
    expect(isoTime(ms)).toBe(new Date(ms).toISOString());
  }
});
