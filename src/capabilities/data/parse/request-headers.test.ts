import { describe, expect, test } from "bun:test";
import { ReactorError } from "../../../core/errors.ts";
import { parseCsv } from "./csv.ts";
import { appliedHeader, HONOURED, parsePrefer } from "./prefer.ts";
import { contentRange, rowRange } from "./range.ts";

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof ReactorError) return error.code;
    throw error;
  }
  return "none";
}

describe("Range", () => {
  const cases: [
    header: string | null,
    limit: number | null,
    offset: number | null,
    want: object,
  ][] = [
    [null, null, null, { offset: 0, limit: null }],
    ["0-9", null, null, { offset: 0, limit: 10 }],
    ["5-", null, null, { offset: 5, limit: null }],
    ["0-9", 100, 4, { offset: 4, limit: 6 }],
    ["bytes=0-1", null, null, { offset: 0, limit: null }],
    ["items=0-1", null, null, { offset: 0, limit: 2 }],
    ["0-1", 0, null, { offset: 0, limit: 0 }],
    [null, 3, 7, { offset: 7, limit: 3 }],
  ];
  test.each(cases)("%p with limit %p and offset %p", (header, limit, offset, want) => {
    expect(rowRange(header, limit, offset)).toEqual(want as never);
  });

  test("without common rows is refused", () => {
    expect(codeOf(() => rowRange("5-9", 2, null))).toBe("PGRST103");
    expect(codeOf(() => rowRange("9-5", null, null))).toBe("PGRST103");
  });

  test("Content-Range says what is known", () => {
    expect(contentRange(10, 5, null)).toBe("10-14/*");
    expect(contentRange(10, 5, 100)).toBe("10-14/100");
    expect(contentRange(0, 0, null)).toBe("*/*");
    expect(contentRange(3, 0, 3)).toBe("*/3");
  });
});

describe("Prefer", () => {
  test("the first value of a preference counts, whatever the order and spaces", () => {
    const parsed = parsePrefer(
      "count=exact,return=minimal , return=representation,junk, count=planned",
    );
    expect(parsed).toMatchObject({ count: "exact", return: "minimal", resolution: null });
    expect(appliedHeader(parsed, ["return", "count"])).toBe("return=minimal, count=exact");
  });

  test("what is applied is told in one order", () => {
    const rules = { timezones: new Set(["America/Los_Angeles"]), allowsTx: true };
    const all =
      "max-affected=7, timezone=America/Los_Angeles, tx=rollback, handling=strict, count=planned, return=minimal, missing=default, resolution=merge-duplicates";
    const parsed = parsePrefer(all, rules);
    expect(appliedHeader(parsed, HONOURED.insert)).toBe(
      "resolution=merge-duplicates, missing=default, return=minimal, count=planned, tx=rollback, handling=strict, timezone=America/Los_Angeles",
    );
    expect(appliedHeader(parsed, HONOURED.delete)).toBe(
      "return=minimal, count=planned, tx=rollback, handling=strict, timezone=America/Los_Angeles, max-affected=7",
    );
    expect(appliedHeader(parsePrefer(null), HONOURED.read)).toBeNull();
  });

  test("tx is honoured where it may be chosen, and unknown nowhere", () => {
    expect(parsePrefer("handling=strict, tx=rollback").tx).toBeNull();
    expect(parsePrefer("tx=rollback", { timezones: new Set(), allowsTx: true }).tx).toBe(
      "rollback",
    );
  });

  test("a time zone must be known to the database", () => {
    const rules = { timezones: new Set(["UTC"]), allowsTx: false };
    expect(parsePrefer("timezone=UTC", rules).timezone).toBe("UTC");
    expect(parsePrefer("timezone=Jupiter/Red_Spot", rules).timezone).toBeNull();
    expect(codeOf(() => parsePrefer("handling=strict, timezone=Jupiter/Red_Spot", rules))).toBe(
      "PGRST122",
    );
  });

  test("max-affected needs strict handling", () => {
    expect(parsePrefer("max-affected=3").maxAffected).toBeNull();
    expect(parsePrefer("handling=strict, max-affected=3").maxAffected).toBe(3);
  });

  test("max-affected that is no number limits nothing", () => {
    expect(parsePrefer("handling=strict, max-affected=few").maxAffected).toBeNull();
  });

  test("strict handling refuses what is unknown, names of Object's own included", () => {
    expect(codeOf(() => parsePrefer("handling=strict, return=all"))).toBe("PGRST122");
    expect(codeOf(() => parsePrefer("handling=strict, constructor=x"))).toBe("PGRST122");
    expect(parsePrefer("__proto__=x, toString=y")).toMatchObject({ return: null });
  });
});

describe("CSV bodies", () => {
  test("quotes, line ends and NULL are read", () => {
    expect(parseCsv('a,b\r\n"x, ""y""\n",NULL\r\n"NULL",\r\n')).toEqual([
      { a: 'x, "y"\n', b: null },
      { a: "NULL", b: "" },
    ]);
  });

  test("uneven lines and open quotes are refused", () => {
    expect(codeOf(() => parseCsv("a,b\n1"))).toBe("PGRST102");
    expect(codeOf(() => parseCsv('a\n"x'))).toBe("PGRST102");
    expect(codeOf(() => parseCsv('a\n"x"y'))).toBe("PGRST102");
    expect(codeOf(() => parseCsv(""))).toBe("PGRST102");
  });

  test("a column called __proto__ is a column", () => {
    expect(Object.keys(parseCsv("__proto__\n1")[0] ?? {})).toEqual(["__proto__"]);
  });
});
