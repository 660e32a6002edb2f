import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { leadingWords, splitStatements } from "./split-statements.ts";

const texts = (sql: string) => splitStatements(sql).map((statement) => statement.sql.trim());

describe("splitting SQL", () => {
  test("cuts at semicolons and leaves out what holds no code", () => {
    expect(texts("select 1;; -- nothing; here\n /* nor; here */ ;select 2")).toEqual([
      "select 1",
      "select 2",
    ]);
  });

  test("passes over semicolons in strings, names, dollar quotes and comments", () => {
    const whole = [
      "select ';', 'it''s;', E'a\\';', \";\", $$;$$, $a$ $b$;$b$ $a$, e'\\\\'",
      "select /* ; /* ; */ ; */ 1 -- ;\n + 2",
      "do $body$ begin perform ';'; end $body$",
      "select $1, a$b$c",
    ];
    expect(texts(whole.join(";\n"))).toEqual(whole);
  });

  test("an ordinary string ends at its quote, whatever backslashes it holds", () => {
    expect(texts("select 'a\\'; select 2")).toEqual(["select 'a\\'", "select 2"]);
  });

  test("keeps the body of a function together that is no string", () => {
    const whole = [
      "create or replace function f() returns int begin atomic select 1; select case when true then 1 else 2 end; end",
      "create procedure p() BEGIN /* x */ ATOMIC insert into t values (1); end",
      "begin",
      "select 1 as atomic",
      "end",
    ];
    expect(texts(whole.join(";\n"))).toEqual(whole);
  });

  test("says whether the last statement was ended", () => {
    const ended = (sql: string) => splitStatements(sql).map((s) => s.isTerminated);
    expect(ended("select 1; select 2")).toEqual([true, false]);
    expect(ended("select 1; -- no;")).toEqual([true]);
    expect(ended("select ';")).toEqual([false]);
    expect(ended("create function f() begin atomic select 1;")).toEqual([false]);
  });

  test("tells the first words, past comments", () => {
    expect(leadingWords("/* a */ -- b\n Alter\tTABLE x", 2)).toEqual(["alter", "table"]);
    expect(leadingWords("(select 1)", 1)).toEqual(["select"]);
    expect(leadingWords("'text' select", 1)).toEqual([]);
  });

  test("says where each statement starts", () => {
    const sql = "select 1;\nselect 2;";
    for (const { sql: statement, start } of splitStatements(sql)) {
      expect(sql.slice(start, start + statement.length)).toBe(statement);
    }
  });

  test("ends on any text", () => {
    const piece = fc.constantFrom(
      "'",
      '"',
      "$",
      "$a$",
      ";",
      "--",
      "/*",
      "*/",
      "\n",
      "\\",
      "e'",
      "x",
    );
    fc.assert(fc.property(fc.array(piece), (pieces) => void splitStatements(pieces.join(""))));
  });
});
