import { describe, expect, test } from "bun:test";
import { quoteIdent, quoteLiteral, quoteTable, quoteType } from "./quote.ts";

describe("text that becomes SQL", () => {
  test.each([
    ["name", '"name"'],
    ['a"b', '"a""b"'],
    ['"; drop table x; --', '"""; drop table x; --"'],
    ["a'b\\c", `"a'b\\c"`],
    ["", '""'],
  ])("the name %p is one identifier", (name, sql) => {
    expect(quoteIdent(name)).toBe(sql);
    expect(quoteTable({ schema: "s", name })).toBe(`"s".${sql}`);
  });

  test.each([
    ["text", "'text'"],
    ["it's", "'it''s'"],
    ["' or ''='", "''' or ''''='''"],
    ["a\\", "E'a\\\\'"],
    ["\\' or 1=1 --", "E'\\\\'' or 1=1 --'"],
  ])("the text %p is one constant", (text, sql) => {
    expect(quoteLiteral(text)).toBe(sql);
  });

  test.each([
    ["int", "pg_catalog.int4"],
    ["Timestamp  With Time Zone", "pg_catalog.timestamptz"],
    ["char", "pg_catalog.bpchar(1)"],
    ["interval day to second", "interval day to second"],
    ["interval day to second; select 1", '"interval day to second; select 1"'],
    ['text"; select 1', '"text""; select 1"'],
    ["constructor", '"constructor"'],
  ])("the type %p is one name", (name, sql) => {
    expect(quoteType(name)).toBe(sql);
  });

  test("a NUL is refused: it would end the statement on the wire", () => {
    for (const quote of [quoteIdent, quoteLiteral, quoteType]) {
      expect(() => quote("a\0b")).toThrow("failed to parse a name");
    }
  });
});
