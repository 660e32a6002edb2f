import { afterAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadMigrations, migrationSet, planMigrations } from "./migration-plan.ts";

const folder = await mkdtemp(join(tmpdir(), "reactor-migrations-"));
afterAll(() => rm(folder, { recursive: true }));

const files = (...names: string[]) => names.map((name) => ({ name, sql: `-- ${name}` }));
const applied = (set: ReturnType<typeof migrationSet>, ...names: string[]) =>
  set.migrations
    .filter(({ name }) => names.includes(name))
    .map(({ name, checksum }) => ({ area: set.area, name, checksum }));

describe("a set of migrations", () => {
  test("is ordered by number, not by text", () => {
    const set = migrationSet("app", files("10_c", "9_b", "0001_a"));
    expect(set.migrations.map(({ id }) => id)).toEqual(["app/0001_a", "app/9_b", "app/10_c"]);
  });

  test("has one file for each number", () => {
    expect(() => migrationSet("app", files("0001_a", "1_b"))).toThrow("same number");
  });

  test("has a number in each name", () => {
    expect(() => migrationSet("app", files("first"))).toThrow("does not start with a number");
  });

  test("has the same checksum with any line ends", () => {
    const sum = (sql: string) => migrationSet("a", [{ name: "1", sql }]).migrations[0]?.checksum;
    expect(sum("a\r\nb")).toBe(sum("a\nb"));
    expect(sum("a\nb")).not.toBe(sum("a\nc"));
  });

  test("is read from the .sql files of a folder", async () => {
    await writeFile(join(folder, "0002_b.sql"), "select 2;\n--> statement-breakpoint\nselect 3;");
    await writeFile(join(folder, "0001_a.sql"), "select 1;");
    await writeFile(join(folder, "README.md"), "");
    const { migrations } = await loadMigrations(folder);
    expect(migrations.map(({ id }) => id)).toEqual(["app/0001_a", "app/0002_b"]);
    expect(await loadMigrations(join(folder, "none"))).toEqual({ area: "app", migrations: [] });
  });
});

describe("the plan", () => {
  const set = migrationSet("app", files("0001_a", "0002_b", "0003_c"));

  test("is what the ledger does not know, in order", () => {
    const plan = planMigrations([set], applied(set, "0001_a"));
    expect(plan.pending.map(({ migration }) => migration.name)).toEqual(["0002_b", "0003_c"]);
    expect(plan.appliedCount).toBe(1);
  });

  test("stops at a file that changed after it was applied", () => {
    const ledger = [{ area: "app", name: "0001_a", checksum: "other" }];
    expect(() => planMigrations([set], ledger)).toThrow("app/0001_a.sql was changed");
  });

  test("stops at a new file before the last applied one", () => {
    expect(() => planMigrations([set], applied(set, "0001_a", "0003_c"))).toThrow(
      "app/0002_b.sql comes before 0003_c",
    );
  });

  test("lists applied files that are gone, of the given areas only", () => {
    const ledger = [
      ...applied(set, "0001_a", "0002_b", "0003_c"),
      { area: "app", name: "0000_gone", checksum: "x" },
      { area: "elsewhere", name: "0001_x", checksum: "x" },
    ];
    expect(planMigrations([set], ledger).missing).toEqual(["app/0000_gone"]);
  });

  test("keeps areas apart", () => {
    const other = migrationSet("auth", files("0001_a"));
    const plan = planMigrations([other, set], applied(set, "0001_a", "0002_b", "0003_c"));
    expect(plan.pending.map(({ migration }) => migration.id)).toEqual(["auth/0001_a"]);
  });
});
