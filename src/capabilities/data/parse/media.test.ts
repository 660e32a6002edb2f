import { describe, expect, test } from "bun:test";
import { parseAccept, parseMediaType } from "./media.ts";

const OBJECT = "application/vnd.pgrst.object+json";
const PLAN = "application/vnd.pgrst.plan";

describe("a media type", () => {
  test.each([
    ["application/json", "named", "application/json"],
    ["Application/JSON; charset=utf-8", "named", "application/json"],
    ["*/*", "any", "*/*"],
    [OBJECT, "object", OBJECT],
    ["application/vnd.pgrst.object", "object", OBJECT],
    [`${OBJECT};nulls=stripped`, "object", `${OBJECT};nulls=stripped`],
    [`${OBJECT}; NULLS="stripped"`, "object", `${OBJECT};nulls=stripped`],
    ["application/vnd.pgrst.array+json", "named", "application/json"],
    ["application/vnd.pgrst.array", "named", "application/json"],
    [
      "application/vnd.pgrst.array;nulls=stripped",
      "array",
      "application/vnd.pgrst.array+json;nulls=stripped",
    ],
    [PLAN, "plan", `${PLAN}+text; for="application/json"`],
    [`${PLAN};`, "plan", `${PLAN}+text; for="application/json"`],
    [`${PLAN}+json;for="text/csv"`, "plan", `${PLAN}+json; for="text/csv"`],
    [
      `${PLAN}+json; options=wal|analyze|drop table; for="application/vnd.pgrst.object"`,
      "plan",
      `${PLAN}+json; for="${OBJECT}"; options=analyze|wal`,
    ],
    ["Image/PNG;x=y", "named", "Image/PNG;x=y"],
  ])("%p is %p, called %p", (text, kind, name) => {
    expect(parseMediaType(text)).toMatchObject({ kind, name } as never);
  });

  test("of a handler is looked up whatever its case and parameters", () => {
    expect(parseMediaType("Image/PNG;x=y").key).toBe("image/png");
  });
});

describe("Accept", () => {
  const names = (header: string | null) => parseAccept(header).map((t) => t.name);

  test.each([
    [null, ["*/*"]],
    ["", ["*/*"]],
    ["text/csv", ["text/csv"]],
    [
      "text/html, application/json;q=0.9, text/csv;q=1.0",
      ["text/html", "text/csv", "application/json"],
    ],
    ["*/*, text/csv", ["text/csv", "*/*"]],
    ["text/csv, image/png;a=b", ["image/png;a=b", "text/csv"]],
    ["text/csv;q=0.5;x=y, */*;q=0.8", ["*/*", "text/csv"]],
    ["text/csv;q=0, */*;q=0.1", ["*/*"]],
    ["text/csv;q=high", ["text/csv"]],
    ["undefined", ["undefined"]],
  ])("%p is read best first", (header, want) => {
    expect(names(header)).toEqual(want);
  });
});
