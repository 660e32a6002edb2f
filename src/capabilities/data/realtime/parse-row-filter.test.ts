import { describe, expect, test } from "bun:test";
import { parseRowFilter, parseRowFilterText } from "./parse-row-filter.ts";

describe("filters of a subscription", () => {
  test("are conditions of the data API with their values beside them", () => {
    expect(parseRowFilterText("room_id=eq.7", 10)).toEqual({
      condition: {
        kind: "filter",
        field: { name: "room_id", path: [] },
        negated: false,
        operation: { kind: "compare", op: "eq", quantifier: null, slot: 0 },
      },
      values: ["7"],
    });
    expect(parseRowFilter("doc->>a", "not.in.(1,2)", 10)).toEqual({
      condition: {
        kind: "filter",
        field: { name: "doc", path: [{ arrow: "->>", key: "a", isIndex: false }] },
        negated: true,
        operation: { kind: "in", slot: 0 },
      },
      values: ['{"1","2"}'],
    });
  });

  test.each(["", "=eq.1", "room", "room=1", "room)=eq.1", "a.b=eq.1", "id=in.(1,2,3)"])(
    "%p is refused",
    (text) => {
      expect(() => parseRowFilterText(text, 2)).toThrow();
    },
  );
});
