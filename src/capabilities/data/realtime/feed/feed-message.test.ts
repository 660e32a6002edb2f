import { describe, expect, test } from "bun:test";
import { createSeededRng } from "../../../../../test/support/seeded-rng.ts";
import { type FeedMessage, readMessage, writeMessage } from "./feed-message.ts";
import { MessageSeal } from "./message-seal.ts";
import type { RawChange, RowShape } from "./raw-change.ts";

const SHAPE: RowShape = {
  schema: "public",
  table: "t",
  columns: [
    { name: "id", type: "int4", form: "number" },
    { name: "body", type: "text", form: "quoted" },
  ],
};
const CHANGE: RawChange = {
  position: { lsn: 255n, index: 3 },
  xid: 4_000_000_000,
  committedAtMs: 1_700_000_000_000,
  type: "UPDATE",
  reason: "",
  shape: SHAPE,
  row: ["1", undefined],
  old: ["0", null],
  sizeBytes: 20,
};

describe("messages between servers", () => {
  const messages: readonly FeedMessage[] = [
    { kind: "hello", from: "a", incarnation: "", want: null },
    { kind: "hello", from: "a", incarnation: "x", want: { lsn: 7n, index: -1 } },
    { kind: "restart", from: "a", to: "b", incarnation: "x", floor: { lsn: 7n, index: 0 } },
    {
      ...{ kind: "piece", from: "a", to: null, incarnation: "x", isEnd: true },
      prev: { lsn: 1n, index: -1 },
      last: { lsn: 256n, index: -1 },
      changes: [CHANGE, { ...CHANGE, type: "GAP", reason: "a truncate", row: null, old: null }],
    },
  ];

  test("arrive as they were sent", () => {
    for (const message of messages)
      expect(readMessage(writeMessage(message))).toMatchObject(message);
  });

  test("say a table once", () => {
    const text = writeMessage(messages[3] as FeedMessage);
    expect(text.match(/"body"/g)).toHaveLength(1);
  });
});

describe("the seal", () => {
  const rng = createSeededRng(3);
  const seal = new MessageSeal(rng.bytes(32), rng);

  test("opens what it closed, and hides it", () => {
    const sealed = seal.seal("a secret of somebody — 💿");
    expect(seal.open(sealed)).toBe("a secret of somebody — 💿");
    expect(Buffer.from(sealed, "base64").toString("latin1")).not.toContain("secret");
    expect(seal.seal("x")).not.toBe(seal.seal("x"));
  });

  test("opens nothing else", () => {
    const sealed = Buffer.from(seal.seal("text"), "base64");
    for (let at = 0; at < sealed.length; at++) {
      const changed = Buffer.from(sealed);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(seal.open(changed.toString("base64"))).toBeNull();
    }
    expect(new MessageSeal(rng.bytes(32), rng).open(seal.seal("text"))).toBeNull();
    for (const text of ["", "x", "{}", sealed.subarray(0, 20).toString("base64")]) {
      expect(seal.open(text)).toBeNull();
    }
  });
});
