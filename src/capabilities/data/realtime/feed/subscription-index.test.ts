import { describe, expect, test } from "bun:test";
import type { ChangeType } from "../change-feed.ts";
import type { RawChange } from "./raw-change.ts";
import { type PlainFilter, Subscription } from "./subscription.ts";
import { SubscriptionIndex } from "./subscription-index.ts";

const PRINCIPAL = {
  ...{ role: "anon", userId: null, claims: "{}" },
  expiresAt: Number.POSITIVE_INFINITY,
};
const sink = { change: () => undefined, gap: () => undefined, ended: () => undefined };

function subscription(
  table: string | null,
  plain: PlainFilter[] = [],
  types = ["INSERT", "DELETE"],
) {
  return new Subscription({
    interest: {
      principal: PRINCIPAL,
      schema: "public",
      table,
      types: new Set(types as ChangeType[]),
      filters: [],
    },
    sink,
    filters: { plain, sql: [] },
    identity: { principal: PRINCIPAL },
  });
}

function change(
  table: string,
  type: RawChange["type"],
  values: (string | null | undefined)[],
): RawChange {
  const columns = ["id", "room"].map((name) => ({ name, type: "int4", form: "number" as const }));
  const isRow = type === "INSERT" || type === "UPDATE";
  return {
    ...{ position: { lsn: 5n, index: 0 }, xid: null, committedAtMs: 0, type, reason: "" },
    shape: { schema: "public", table, columns },
    row: isRow ? values : null,
    old: type === "DELETE" ? values : null,
    sizeBytes: 1,
  };
}

const room = (...texts: string[]): PlainFilter => ({ column: "room", texts: new Set(texts) });

describe("who may care for a change", () => {
  test("is told by table, kind and the value of a column", () => {
    const index = new SubscriptionIndex();
    const [all, one, two, both, other, every] = [
      subscription("t"),
      subscription("t", [room("1")]),
      subscription("t", [room("2")]),
      subscription("t", [room("1", "2")]),
      subscription("u"),
      subscription(null),
    ] as const;
    for (const each of [all, one, two, both, other, every]) index.add(each);
    const found = (...args: Parameters<typeof change>) =>
      new Set(index.candidates(change(...args)));
    expect(found("t", "INSERT", ["7", "1"])).toEqual(new Set([all, one, both, every]));
    expect(found("t", "INSERT", ["7", null])).toEqual(new Set([all, every]));
    expect(found("t", "UPDATE", ["7", "1"])).toEqual(new Set());
    expect(found("u", "INSERT", ["7", "1"])).toEqual(new Set([other, every]));
    expect(found("v", "INSERT", ["7", "1"])).toEqual(new Set([every]));
    // A gap is everybody's.
    expect(found("t", "GAP", [])).toEqual(new Set([all, one, two, both, every]));
    // What a row does not tell is found out later, what a deleted one does not tell never.
    expect(found("t", "INSERT", ["7", undefined])).toEqual(new Set([all, one, two, both, every]));
    expect(found("t", "DELETE", ["7", undefined])).toEqual(new Set([all, every]));
    for (const each of [one, both, every]) index.remove(each);
    expect(found("t", "INSERT", ["7", "1"])).toEqual(new Set([all]));
    expect(index.size).toBe(3);
  });

  test("is nobody who has heard it, or has left", () => {
    const index = new SubscriptionIndex();
    const [ahead, gone] = [subscription("t"), subscription("t")];
    ahead.seen = { lsn: 5n, index: 0 };
    gone.close();
    for (const each of [ahead, gone]) index.add(each);
    expect(index.candidates(change("t", "INSERT", ["1", "1"]))).toEqual([]);
    ahead.seen = { lsn: 4n, index: 9 };
    expect(index.candidates(change("t", "INSERT", ["1", "1"]))).toEqual([ahead]);
  });
});
