import { describe, expect, test } from "bun:test";
import { previousOf } from "./roll-back.ts";

type Move = ["deploy" | "settings" | "rollback", string];

function previous(moves: Move[], kept = ["a", "b", "c", "d"]) {
  const newestFirst = moves.map(([action, version]) => ({ action, version })).reverse();
  return previousOf(
    newestFirst,
    kept.map((version) => ({ version })),
  );
}

describe("one step back", () => {
  test("goes to the version before", () => {
    expect(
      previous([
        ["deploy", "a"],
        ["deploy", "b"],
      ]),
    ).toBe("a");
  });

  test("goes further back each time", () => {
    const history: Move[] = [
      ["deploy", "a"],
      ["deploy", "b"],
      ["deploy", "c"],
    ];
    expect(previous([...history, ["rollback", "b"]])).toBe("a");
    expect(previous([...history, ["rollback", "b"], ["rollback", "a"]])).toBeNull();
  });

  test("after a rollback and a new deploy goes to what was active then", () => {
    expect(
      previous([
        ["deploy", "a"],
        ["deploy", "b"],
        ["rollback", "a"],
        ["deploy", "c"],
      ]),
    ).toBe("a");
  });

  test("changed settings are no step", () => {
    expect(
      previous([
        ["deploy", "a"],
        ["deploy", "b"],
        ["settings", "b"],
      ]),
    ).toBe("a");
  });

  test("skips versions that are no longer kept", () => {
    expect(
      previous(
        [
          ["deploy", "a"],
          ["deploy", "b"],
          ["deploy", "c"],
        ],
        ["a", "c"],
      ),
    ).toBe("a");
  });

  test("there is none before the first", () => {
    expect(previous([["deploy", "a"]])).toBeNull();
    expect(previous([])).toBeNull();
  });
});
