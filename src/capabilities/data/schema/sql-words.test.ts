import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { sqlWords } from "./sql-words.ts";

const code = (text: string) => sqlWords(text)?.code.trim();

describe("the words of SQL", () => {
  test.each([
    ["Select A.b, 1.5 from T", "select a . b , 1 . 5 from t"],
    ["a--b\nc", "a c"],
    ["a--b\rc", "a c"],
    ["a--b\r\nc", "a c"],
    ["a -- it's\nb", "a b"],
    [`a -- "b\nc`, "a c"],
    ["a -- /*\nb", "a b"],
    ["a -- $$\nb", "a b"],
    ["a@--'\nb", "a @ b"],
    ["a/* ' */b", "a b"],
    ["a/* -- */b", "a b"],
    ["a/* /* */ b */ c", "a c"],
    ["a/*/*/ b */*/ c", "a c"],
    ["a/**/b", "a b"],
    ["a*/*b*/c", "a * c"],
    ["a '/*' b", "a '' b"],
    ["a '--' b", "a '' b"],
    ["a '$$' b '$$'", "a '' b ''"],
    ["a 'b''c' d", "a '' d"],
    ["a '''' b", "a '' b"],
    ["a '\\d' b", "a '' b"],
    ["a '\\\\' b", "a '' b"],
    ["a E'\\'' b", "a '' b"],
    ["a e'\\\\' b", "a '' b"],
    ["a e'\\\\\\'' b", "a '' b"],
    ["a E'''\\'' b", "a '' b"],
    ["a 'b'\n'c' d", "a '' '' d"],
    ["a N'b' c", "a n '' c"],
    ["u&'b' c", "u & '' c"],
    ['a "b""c" d', 'a "" d'],
    [`a "'" b "'"`, `a "" b ""`],
    ['"x"loop', '"" loop'],
    ["a $$b'c$$ d", "a '' d"],
    ["a $b$ $$ $c$ $b$ d", "a '' d"],
    ["a $é$ b $é$ c", "a '' c"],
    ["a $b$ $B$ $b$ c", "a '' c"],
    ["a $1 b", "a $1 b"],
    ["<<a>>é\u00a0b", "< < a > > é\u00a0b"],
    ["", ""],
  ])("of %j are %j", (text, words) => {
    expect(code(text)).toBe(words);
  });

  test.each([
    "a 'b",
    'a "b',
    'a "b""',
    "a /* b",
    "a /* /* b */",
    "a $$ b $",
    "a $b$ c $B$",
    "a E'b\\'",
    "a 'b''",
    // Where `standard_conforming_strings` is off, or the line before began with an E.
    "a '\\' b '\\'",
    "a E'b'\n'\\' c '\\'",
    "a E'b' -- c\n'\\' d '\\'",
    "ae'\\' b '\\'",
    // A number, or a name.
    "a$b$ c a$b$",
    "1.e5$$ b $$",
    "$1$$ b $$",
    "$a b",
  ])("of %j are unknown", (text) => {
    expect(sqlWords(text)).toBeNull();
  });

  test("come with what stands in literals", () => {
    expect(sqlWords("'a''b' E'c\\'' $$d$$ $e$f$e$ /*'g'*/ ''")?.literals).toEqual([
      ...["a''b", "c\\'", "d", "f", ""],
    ]);
  });

  test("are found in any text", () => {
    const pieces = ["'", '"', "$", "$a$", "--", "/*", "*/", "\n", "\\", "e'", "x", " "];
    const texts = fc.array(fc.constantFrom(...pieces)).map((list) => list.join(""));
    fc.assert(fc.property(texts, (text) => void sqlWords(text)));
  });

  test.each(["'a' ", "''", "/**/", "/*", "\\", "$a$b$a$ ", "$", '""', "-- a\n", "a ", "\\'", "("])(
    "of a megabyte of %j take no square of it",
    (piece) => {
      const text = piece.repeat(1_000_000 / piece.length);
      for (const opener of ["", "E'", "'", '"', "/*", "$$"]) sqlWords(opener + text);
    },
    10_000,
  );
});
