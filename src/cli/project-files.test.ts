import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CommandContext } from "./command.ts";
import { readProject } from "./project-files.ts";

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

async function migrationBytes(sql: string): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), "reactor-project-"));
  folders.push(dir);
  mkdirSync(join(dir, "migrations"));
  writeFileSync(join(dir, "reactor.toml"), "");
  writeFileSync(join(dir, "migrations/0001_a.sql"), sql);
  const loadConfig = () => ({ lists: {}, section: () => ({}) });
  const context = { option: () => dir, host: { cwd: dir, loadConfig } };
  const { migrations } = await readProject(context as unknown as CommandContext);
  return Buffer.from(migrations[0]?.bytes ?? []).toString();
}

test("a migration with Windows line ends is the same migration", async () => {
  const sql = "create table a ();\n-- gr\u00fc\u00dfe\n\ndo $$ begin end $$;";
  expect(await migrationBytes(sql)).toBe(sql);
  expect(await migrationBytes(sql.replaceAll("\n", "\r\n"))).toBe(sql);
});
