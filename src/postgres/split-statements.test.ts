import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { splitStatements } from "./split-statements.ts";

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
