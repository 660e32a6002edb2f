/** Suggestions are near, and absent when nothing is. */
import { expect, test } from "bun:test";
import { editDistance, nearestName } from "./nearest-name.ts";

test.each([
  ["", "", 0],
  ["kitten", "sitting", 3],
  ["port", "prot", 1],
  ["abc", "", 3],
])("%p and %p are %d edits apart, either way round", (a, b, edits) => {
  expect(editDistance(a, b)).toBe(edits);
  expect(editDistance(b, a)).toBe(edits);
});

test("the nearest known name is offered, upper case or lower", () => {
  expect(nearestName("Deplyo", ["dev", "deploy", "doctor"])).toBe("deploy");
  expect(nearestName("hst", ["host", "port"])).toBe("host");
});

test("nothing is offered for a name unlike all, or longer than any", () => {
  expect(nearestName("xyzzy", ["host", "port"])).toBeNull();
  expect(nearestName("x".repeat(10_000), ["x".repeat(9_999)])).toBeNull();
});
