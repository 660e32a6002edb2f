/** Addresses: one spelling per mailbox, and what is none. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { normalizeEmail } from "./normalize-email.ts";

describe("an address", () => {
  test.each([
    ["Ada@Example.TEST", "ada@example.test"],
    ["a.b+c@x.y", "a.b+c@x.y"],
    ["user@localhost", "user@localhost"],
    ["ＡＤＡ@example.test", "ada@example.test"],
    ["\u212aim@example.test", "kim@example.test"],
    ["j\u006f\u0308rg@example.test", "j\u00f6rg@example.test"],
    ["o'brien@example.test", "o'brien@example.test"],
    [`${"a".repeat(64)}@${"b".repeat(63)}.test`, `${"a".repeat(64)}@${"b".repeat(63)}.test`],
  ])("%p is kept as %p", (text, want) => {
    expect(normalizeEmail(text)).toBe(want);
  });

  test.each([
    "",
    "@",
    "a@",
    "@b.test",
    "a b@c.test",
    "a@b..test",
    "a@-b.test",
    "a@b-.test",
    ".a@b.test",
    "a.@b.test",
    "a..b@c.test",
    "a@b@c.test",
    "a@b.test\n",
    "a@b.test\u0000",
    "a\u200b@b.test",
    "a\u202e@b.test",
    '"a b"@c.test',
    "a@[127.0.0.1]",
    "a@b_c.test",
    "<a@b.test>",
    `${"a".repeat(65)}@b.test`,
    `a@${"b".repeat(64)}.test`,
    `a@${"b.".repeat(130)}test`,
  ])("%p is none", (text) => {
    expect(normalizeEmail(text)).toBeNull();
  });

  test("is the same after normalising again, and in either case", () => {
    const local = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(local, (name) => {
        const once = normalizeEmail(`${name}@example.test`);
        if (once === null) return;
        expect(normalizeEmail(once)).toBe(once);
        expect(once.length).toBeLessThanOrEqual(255);
      }),
      { numRuns: 2000 },
    );
  });
});
