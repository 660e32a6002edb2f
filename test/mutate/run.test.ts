import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { mutated } from "./mutation.ts";
import { mutations } from "./mutations.ts";

const ROOT = join(import.meta.dir, "../..");

describe("the mutations", () => {
  test.each(mutations.map((mutation) => [mutation.name, mutation] as const))(
    "%s: applies at one place, and its tests exist",
    (_, mutation) => {
      const text = readFileSync(join(ROOT, mutation.file), "utf8");
      expect(text.split(mutation.find)).toHaveLength(2);
      expect(mutated(text, mutation)).not.toBeNull();
      expect(mutation.tests.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
      expect(mutation.tests.length).toBeGreaterThan(0);
    },
  );

  test("have a name each, and are no fewer than they were", () => {
    expect(new Set(mutations.map(({ name }) => name)).size).toBe(mutations.length);
    expect(mutations.length).toBeGreaterThanOrEqual(25);
  });
});

test("a mutation that fits nowhere, twice or changes nothing does not apply", () => {
  const at = (find: string, replace = "") =>
    mutated("one two two", { name: "", file: "", find, replace, tests: [], why: "" });
  expect(at("one", "1")).toBe("1 two two");
  expect([at("three"), at("two"), at("one", "one")]).toEqual([null, null, null]);
});
