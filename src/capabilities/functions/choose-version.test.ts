import { describe, expect, test } from "bun:test";
import { chooseVersion } from "./choose-version.ts";
import type { ActiveFunction, ShareBy } from "./function-version.ts";

function shared(percent: number, by: ShareBy, name = "hello"): ActiveFunction {
  const share = { version: { version: "new" }, percent, by };
  return { name, active: { version: "old" }, share } as unknown as ActiveFunction;
}

const keys = Array.from({ length: 10_000 }, (_, n) => `key-${n}`);
const chosenOf = (found: ActiveFunction) =>
  keys.filter((key) => chooseVersion(found, { requestId: key, caller: "one" }).isShare);

describe("two versions share the calls", () => {
  test("a tenth is a tenth, within what chance does to ten thousand", () => {
    const count = chosenOf(shared(10, "request")).length;
    expect(Math.abs(count - 1_000)).toBeLessThan(120);
    expect(chosenOf(shared(0.01, "request")).length).toBeLessThan(10);
  });

  test("who was sent to the new version stays there while its share grows", () => {
    const before = chosenOf(shared(10, "request"));
    const after = new Set(chosenOf(shared(40, "request")));
    expect(before.every((key) => after.has(key))).toBe(true);
  });

  test("by caller the request does not matter, and functions do not decide alike", () => {
    const all = chosenOf(shared(50, "caller"));
    expect([0, keys.length]).toContain(all.length);
    const one = chosenOf(shared(50, "request"));
    const other = new Set(chosenOf(shared(50, "request", "other")));
    expect(one.filter((key) => other.has(key)).length).toBeLessThan(one.length * 0.6);
  });

  test("without a share it is the active one", () => {
    const found = { ...shared(50, "request"), share: null };
    const { version, isShare } = chooseVersion(found, { requestId: "a", caller: "b" });
    expect([version.version, isShare]).toEqual(["old", false]);
  });
});
