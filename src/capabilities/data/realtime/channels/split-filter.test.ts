import { expect, test } from "bun:test";
import { postgresChangesFilter } from "@supabase/supabase-js";
import fc from "fast-check";
import { pickMembers } from "./pick-members.ts";
import { splitFilter } from "./split-filter.ts";

test.each([
  ["", []],
  ["id=eq.1", [{ column: "id", text: "eq.1" }]],
  [
    "id=gt.0,id=lt.100",
    [
      { column: "id", text: "gt.0" },
      { column: "id", text: "lt.100" },
    ],
  ],
  ["s=not.in.(a,b)", [{ column: "s", text: "not.in.(a,b)" }]],
  [
    's=in.("a,b",c),x=is.null',
    [
      { column: "s", text: 'in.("a,b",c)' },
      { column: "x", text: "is.null" },
    ],
  ],
  ['name=eq."a,b"', [{ column: "name", text: "eq.a,b" }]],
  ['name=not.eq."a\\"b\\\\c)"', [{ column: "name", text: 'not.eq.a"b\\c)' }]],
  ["name=eq.a=b", [{ column: "name", text: "eq.a=b" }]],
  ["name", null],
  ["=eq.1", null],
  ["a=eq.1,", null],
])("%s", (filter, expected) => {
  expect(splitFilter(filter)).toEqual(expected);
});

test("the client's own builder is understood, whatever the values", () => {
  fc.assert(
    fc.property(fc.array(fc.string(), { minLength: 1, maxLength: 4 }), (values) => {
      const filter = values.reduce((f, value) => f.eq("c", value), postgresChangesFilter());
      // A value that the builder itself leaves unquoted, and that begins like a quoted one, is the
      // same text to both.
      expect(splitFilter(filter.build())).toEqual(
        values.map((value) => ({ column: "c", text: `eq.${value}` })),
      );
    }),
    { numRuns: 2_000 },
  );
});

test("members are picked with every digit of their values", () => {
  const text = '{"a":12345678901234567890.10,"b":{"a":[1,"}"]},"c\\"":"x,\\"y\\"","d":null}';
  expect(pickMembers(text, new Set(["a", "d"]))).toBe('{"a":12345678901234567890.10,"d":null}');
  expect(pickMembers(text, new Set(["b", 'c"']))).toBe('{"b":{"a":[1,"}"]},"c\\"":"x,\\"y\\""}');
  expect(pickMembers(text, new Set())).toBe("{}");
  expect(pickMembers("{}", new Set(["a"]))).toBe("{}");
});

test("picked members are those of the parsed object", () => {
  const object = fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 6 });
  fc.assert(
    fc.property(object, fc.func(fc.boolean()), (value, isWanted) => {
      const text = JSON.stringify(value);
      const names = new Set(Object.keys(value).filter((name) => isWanted(name)));
      const wanted = Object.fromEntries(
        Object.entries(JSON.parse(text)).filter(([n]) => names.has(n)),
      );
      expect(JSON.parse(pickMembers(text, names))).toEqual(wanted);
    }),
    { numRuns: 1_000 },
  );
});
