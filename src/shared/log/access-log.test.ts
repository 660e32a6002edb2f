/** The line of an answer is the one that `JSON.stringify` would have written, or none. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { type AccessEntry, accessFields, accessLines } from "./access-log.ts";

const entry: AccessEntry = {
  id: "0190aaaa-0000-7000-8000-000000000001",
  method: "GET",
  path: "/data/v1/items",
  route: "/data/v1/:table",
  status: 200,
  ms: 1.2,
  peer: "127.0.0.1",
};

const entries = fc.record({
  id: fc.constantFrom("a", "A.b_c:d-1"),
  method: fc.constantFrom("GET", "POST"),
  path: fc.oneof(fc.constantFrom("/a", "/b"), fc.string({ unit: "binary" })),
  route: fc.constantFrom("/data/v1/:table", "unmatched", '"'),
  status: fc.constantFrom(200, 404),
  ms: fc.oneof(fc.double({ min: 0, max: 1e9, noNaN: true }), fc.integer({ min: 0, max: 5_000 })),
  peer: fc.constantFrom("127.0.0.1", "::1", "unix", "\n"),
});

test("for any answers in any order", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), entries)), (many) => {
      const line = accessLines();
      for (const [ms, one] of many) {
        const written = line(ms, one);
        if (written === null) continue;
        const head = { time: new Date(ms).toISOString(), level: "info", event: "http.request" };
        expect(written).toBe(JSON.stringify({ ...head, ...accessFields(one) }));
      }
    }),
    { numRuns: 300, seed: 5 },
  );
});

test("a plain one is written, one that needs care is not", () => {
  const line = accessLines();
  expect(line(0, entry)).toBe(
    '{"time":"1970-01-01T00:00:00.000Z","level":"info","event":"http.request","request_id":"0190aaaa-0000-7000-8000-000000000001","method":"GET","path":"/data/v1/items","route":"/data/v1/:table","status":200,"ms":1.2,"peer":"127.0.0.1"}',
  );
  for (const more of [{ path: '/"' }, { path: "/a://me:x@b" }, { route: '"' }, { peer: "\n" }]) {
    expect(line(0, { ...entry, ...more })).toBeNull();
  }
  expect(line(1, entry)).not.toBeNull();
});
