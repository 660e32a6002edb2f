import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { readJoin } from "./join-request.ts";
import { readPersist } from "./persist.ts";

const CLIENT = {
  config: {
    broadcast: { ack: true, self: false },
    presence: { key: "", enabled: false },
    postgres_changes: [
      { event: "*", schema: "public", table: "t", filter: "a=eq.1", select: ["a"] },
    ],
    private: true,
  },
  access_token: "x.y.z",
};

const read = (payload: Record<string, unknown>) => {
  const request = readJoin(payload);
  if (typeof request === "string") throw new Error(request);
  return request;
};

describe("a join", () => {
  test("of the client", () => {
    expect(read(CLIENT)).toEqual({
      accessToken: "x.y.z",
      isPrivate: true,
      self: false,
      ack: true,
      replay: null,
      wantsReady: false,
      presenceKey: "",
      presenceEnabled: false,
      bindings: [
        {
          event: "*",
          schema: "public",
          table: "t",
          filter: "a=eq.1",
          select: ["a"],
          sent: { event: "*", schema: "public", table: "t", filter: "a=eq.1", select: ["a"] },
        },
      ],
      waitMs: null,
    });
  });

  test("that says nothing is public, silent, and sees presence", () => {
    expect(read({})).toMatchObject({ isPrivate: false, ack: false, presenceEnabled: true });
  });

  test("every table of a schema is meant by none and by *", () => {
    const tables = [{}, { table: null }, { table: "*" }, { table: "" }].map((more) => ({
      event: "INSERT",
      schema: "s",
      ...more,
    }));
    const { bindings } = read({ config: { postgres_changes: [null, ...tables] } });
    expect(bindings.map(({ table }) => table)).toEqual([null, null, null, null]);
  });

  test.each([
    [
      { since: 5, limit: 3 },
      { since: 5, limit: 3 },
    ],
    [
      { since: 5, limit: 900 },
      { since: 5, limit: 25 },
    ],
    [{ limit: -1 }, { since: 0, limit: 1 }],
    [{ since: 5 }, { since: 5, limit: 10 }],
    [{ since: "5" }, "invalid"],
    [{ since: 1e20 }, "invalid"],
    [{ since: 1, limit: 1.5 }, "invalid"],
    [7, "invalid"],
    [null, null],
  ])("replay %j is read as %j", (replay, expected) => {
    expect(read({ config: { broadcast: { replay } } }).replay).toEqual(expected as never);
  });

  test.each([
    [{ wait: true }, 15_000],
    [{ wait: true, timeout: 500 }, 500],
    [{ wait: true, timeout: 1e9 }, 20_000],
    [{ wait: true, timeout: "x" }, 15_000],
    [{ timeout: 500 }, null],
  ])("options %j wait %j", (postgres_changes_options, waitMs) => {
    expect(read({ config: { postgres_changes_options } }).waitMs).toBe(waitMs);
  });

  test.each([
    [{ postgres_changes: {} }],
    [{ postgres_changes: [1] }],
    [{ postgres_changes: [{ event: 1 }] }],
    [{ postgres_changes: [{ select: [1] }] }],
    [{ postgres_changes: [{ filter: "x".repeat(5_000) }] }],
    [{ postgres_changes: Array(101).fill({}) }],
    [{ presence: { key: "k".repeat(256) } }],
    [{ presence: { key: 7 } }],
  ])("%j is refused with a sentence", (config) => {
    expect(typeof readJoin({ config })).toBe("string");
  });

  test("whatever is sent is read or refused", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (config, token) => {
        readJoin({ config, access_token: token });
        readJoin({ config: { broadcast: config, presence: config, postgres_changes: [config] } });
      }),
      { numRuns: 1_000 },
    );
  });
});

test.each([
  [undefined, null],
  [false, null],
  [true, 100],
  ["true", 100],
  [{}, 100],
  [{ ttl: null }, 100],
  [{ ttl: 5 }, 5],
  [{ ttl: "5" }, 5],
  [{ ttl: 100 }, 100],
  [{ ttl: 101 }, "invalid"],
  [{ ttl: 0 }, "invalid"],
  [{ ttl: 1.5 }, "invalid"],
  [{ ttl: "5s" }, "invalid"],
  [{ ttl: [] }, "invalid"],
  ["yes", "invalid"],
  [7, "invalid"],
] as const)("persist %j of rows kept 100 s is %j", (value, expected) => {
  expect(readPersist(value, 100)).toBe(expected);
});
