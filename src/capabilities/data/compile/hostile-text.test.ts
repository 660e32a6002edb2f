import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ReactorError } from "../../../core/errors.ts";
import { compile } from "./compile-search.fixture.ts";
import { sqlSkeleton } from "./sql-skeleton.fixture.ts";

/** Texts that break naive quoting, beside random ones. */
const hostile: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 40 }),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.constantFrom(
    "'; drop table clients; --",
    '"; drop table clients; --',
    "\\'; select 1 --",
    "$1",
    "$$x$$",
    "a'||'b",
    'a""b',
    "*/ /*",
    "\u0000",
    "x\u0000y",
    "E'\\'",
    'U&"\\0022"',
    "\\",
    "'",
    '"',
    "''",
    '""',
    "\u2028",
    "ʼ",
    "＂",
    "\ud800",
    "a".repeat(4096),
    "id) from pg_authid --",
    "::text",
    "->>'a'",
  ),
);

/** A name as a client must write it to have it taken literally. */
const quotedName = (name: string) =>
  encodeURIComponent(`"${name.replace(/[\\"]/g, "\\$&")}"`.toWellFormed());

describe("hostile text", () => {
  const positions: [position: string, build: (text: string) => string][] = [
    ["a column in select", (t) => `select=${quotedName(t)}`],
    ["an alias", (t) => `select=${quotedName(t)}:id`],
    ["a key of a JSON path in select", (t) => `select=a:data->${quotedName(t)}`],
    ["a column of a filter", (t) => `${quotedName(t)}=eq.1`],
    ["a key of a JSON path in a filter", (t) => `data->>${quotedName(t)}=eq.1`],
    ["a column in order", (t) => `order=${quotedName(t)}.desc`],
    ["a column in a logic tree", (t) => `or=(${quotedName(t)}.eq.1,id.eq.2)`],
    ["the alias of an embed", (t) => `select=${quotedName(t)}:projects(id)`],
  ];
  test.each(positions)("as %s stays inside its quotes", (_, build) => {
    const plain = sqlSkeleton(compile("clients", build("zzz")).sql);
    fc.assert(
      fc.property(hostile, (text) => {
        try {
          expect(sqlSkeleton(compile("clients", build(text)).sql)).toBe(plain);
        } catch (error) {
          if (!(error instanceof ReactorError)) throw error;
          expect(error.status).toBe(400);
        }
      }),
      { numRuns: 10_000 },
    );
  });

  const values: [position: string, build: (text: string) => string][] = [
    ["the value of eq", (t) => `id=eq.${t}`],
    ["the value of like", (t) => `name=like.${t}`],
    ["the value of fts", (t) => `name=fts.${t}`],
    ["a value in a list", (t) => `id=in.(1,${t})`],
    [
      "a quoted value in a logic tree",
      (t) => `or=(id.eq.${encodeURIComponent(JSON.stringify(decodeURIComponent(t)))})`,
    ],
  ];
  test.each(values)("as %s never reaches the SQL", (_, build) => {
    const plain = compile("clients", build("zzz")).sql;
    fc.assert(
      fc.property(hostile, (text) => {
        try {
          expect(compile("clients", build(encodeURIComponent(text.toWellFormed()))).sql).toBe(
            plain,
          );
        } catch (error) {
          if (!(error instanceof ReactorError)) throw error;
        }
      }),
      { numRuns: 10_000 },
    );
  });

  const raw: [position: string, build: (text: string) => string][] = [
    ["a cast", (t) => `select=id::${t}`],
    ["a full-text language", (t) => `name=fts(${t}).a`],
    ["an operator", (t) => `id=${t}.1`],
    ["a whole parameter", (t) => t],
    ["a whole select", (t) => `select=${t}`],
    ["a whole order", (t) => `order=${t}`],
    ["a whole logic tree", (t) => `and=${t}`],
    ["a hint", (t) => `select=projects!${t}(id)`],
    ["columns", (t) => `columns=${t}`],
    ["on_conflict", (t) => `on_conflict=${t}`],
    ["limit", (t) => `limit=${t}&projects.limit=${t}&select=projects()`],
  ];
  test.each(raw)("as %s gives sound SQL or a client error", (_, build) => {
    fc.assert(
      fc.property(hostile, (text) => {
        try {
          const { sql } = compile("clients", build(encodeURIComponent(text.toWellFormed())));
          expect(sqlSkeleton(sql)).toMatch(/^select [^;]*$/);
        } catch (error) {
          if (!(error instanceof ReactorError)) throw error;
          expect(error.status).toBeGreaterThanOrEqual(300);
          expect(error.status).toBeLessThan(500);
        }
      }),
      { numRuns: 10_000 },
    );
  });
});
